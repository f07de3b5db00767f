from . import (
    test_request_adversary,
    test_request_clock,
    test_request_deletion,
    test_request_return,
    test_request_subject,
)
