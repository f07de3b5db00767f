from . import (
    test_account,
    test_amazon_examples,
    test_archive_life,
    test_bad_input,
    test_clock,
    test_departure,
    test_erased,
    test_faults,
    test_generated,
    test_import,
    test_intake_stopped,
    test_mapping,
    test_oauth,
    test_pricing,
    test_quota,
    test_reconcile,
    test_recovery,
    test_secret_age,
    test_taxes,
)
from . import test_personal_keys, test_search, test_sweep, test_updates, test_vault_documents, test_vies
from . import test_options, test_ship_risk, test_similar, test_unmapped
