from . import pii_policy_ask
