from . import test_adversary
from . import test_adversary_reveal
from . import test_attachment
from . import test_logmask
from . import test_partner
from . import test_report
from . import test_reveal
from . import test_subject
