from . import pii_printer_search
from . import pii_print_choice
