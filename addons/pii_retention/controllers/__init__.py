from . import archive
from . import attachment
from . import lookup
from . import reveal
