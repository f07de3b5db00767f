from . import test_invoice_doors
