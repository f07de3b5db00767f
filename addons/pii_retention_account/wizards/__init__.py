from . import pii_full_invoice
