from . import test_archive
from . import test_invoice_doors
from . import test_purged_invoice
