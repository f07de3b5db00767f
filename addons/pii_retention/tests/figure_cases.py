"""Where each figure of the policy is tried one step below and one step above, where that is not in this folder's
``test_policy_figures``: addon and name of the test.
"""

ELSEWHERE = {
    "tz": "pii_retention::test_one_second_before_and_after",
    "retention_days": "pii_retention::test_one_second_before_and_after",
    "retention_anchor": "pii_retention::test_delivery_counts_where_the_policy_says_so",
    "hold_days": "pii_retention::test_what_is_no_hold",
    "hold_warning_days": "pii_retention::test_it_is_reported_every_day_and_before_its_end",
    "restore_test_days": "pii_retention::test_a_restore_test_is_asked_for",
    "backup_days": "pii_retention::test_the_policy_says_how_long",
    "key_backup_hours": "pii_retention::test_one_second_before_and_after",
    "nonpersonal_months": "amazon_spapi_connector::test_to_the_second",
    "archive_warn_days": "pii_retention_account::test_what_is_missing_is_said_in_time",
    "archive_read_minutes": "pii_retention::test_the_time_box",
    "notice_hours": "pii_retention_request::test_one_second_before_and_after_72_hours",
    "notice_copies_days": "pii_retention_request::test_one_second_before_and_after_the_last_copy",
    "request_subject_days": "pii_retention_request::test_a_data_subject_has_a_month",
    "request_single_subjects": "pii_retention_request::test_one_officer_alone_erases_as_many_as_the_policy_says",
    "request_archive_days": "pii_retention_request::test_an_archive_that_nobody_fetched_dies_on_its_day",
    "purge_hours": "pii_retention::test_the_second_at_which_a_day_is_due",
    "proof_hours": "pii_retention::test_a_proof_is_valid_to_the_second",
    "mfa_required": "pii_retention::test_no_mfa",
    "reveal_seconds": "pii_retention::test_the_values_of_the_purpose_for_as_long_as_the_policy_says",
    "search_per_hour": "pii_retention::test_searches_are_limited_by_the_hour",
    "reprint_days": "pii_retention_stock::test_after_the_shipment_it_can_be_printed_again_for_two_days",
    "password_length": "dpp_compliance::test_length_to_the_character",
    "password_classes": "dpp_compliance::test_each_kind_of_character",
    "password_min_age_days": "dpp_compliance::test_not_twice_within_a_day",
    "password_max_age_days": "dpp_compliance::test_changed_within_half_a_year",
    "password_history": "dpp_compliance::test_none_of_the_last_ten",
    "password_attempts": "dpp_compliance::test_two_failures_do_not_lock",
    "password_lock_minutes": "dpp_compliance::test_three_failures_lock_until_the_second",
    "secret_warn_days": "amazon_spapi_connector::test_warned_and_blocked_to_the_second",
    "secret_block_days": "amazon_spapi_connector::test_warned_and_blocked_to_the_second",
    "log_months": "pii_retention::test_only_whole_days_past_the_retention_are_deleted_and_the_chain_starts_behind_them",
}
#: Figures that nothing asks for yet. Whoever asks first gives them a case: the test fails until then.
UNUSED = set()
