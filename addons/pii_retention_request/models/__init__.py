from . import (
    pii_policy,
    pii_request,
    pii_request_item,
    pii_request_part,
    pii_request_scope,
    pii_request_decision,
    pii_request_key,
    pii_request_execution,
    pii_request_clock,
    pii_request_answer,
    pii_request_words,
)
