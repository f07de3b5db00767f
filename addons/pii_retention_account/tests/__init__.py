from . import test_archive
from . import test_invoice_doors
