from . import test_printer, test_print_report, test_print_refusal, test_print_faults, test_print_file
