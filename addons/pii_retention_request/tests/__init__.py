from . import (
    test_request_adversary,
    test_request_clock,
    test_request_deletion,
    test_request_hold,
    test_request_return,
    test_request_statute,
    test_request_subject,
    test_request_volume,
    test_request_withdrawal,
)
