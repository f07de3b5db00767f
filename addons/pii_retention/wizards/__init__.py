from . import pii_duty_done
from . import pii_duty_incident
from . import pii_policy_ask
from . import pii_purge_now
from . import pii_takeover
