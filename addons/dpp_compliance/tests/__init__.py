from . import test_password
from . import test_lockout
