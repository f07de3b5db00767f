from . import pii_grant, pii_policy
