from . import pii_policy_ask
from . import pii_takeover
