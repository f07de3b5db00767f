from . import pii_grant, pii_policy, stock_picking
