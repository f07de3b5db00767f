"""The duties that the policies impose: which figure times each, from when, and what proves it was done.

Recurring ones start anew when they are done; the others are counted from an event that somebody reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

#: Amazon's mailboxes for incidents; a notice goes to both.
AMAZON_MAILBOXES = ("security@amazon.com", "3p-security@amazon.com")


@dataclass(frozen=True, slots=True)
class Duty:
    """One kind of duty.

    :param figure: column of ``pii.policy`` that times it; its name ends in ``_hours``, ``_days`` or ``_months``
    :param recurring: begins anew when it is done, from the day the company has a policy
    :param warning: figure (days from the start) from which the officers are reminded; empty for the policy's
        ``duty_warning_days`` before the end
    :param keeps: the end is the first moment at which something may be let go, not the last one to do something
    """

    code: str
    label: str
    figure: str
    recurring: bool
    proof: str
    warning: str = ""
    keeps: bool = False


_ALL = (
    Duty(
        "access_review",
        "Review of all access to personal data",
        "grant_standing_days",
        True,
        "Who has which role and why, who lost it, who signed the review.",
    ),
    Duty("log_review", "Sign-off of the access log", "log_review_days", True, "What was looked at, what was found."),
    Duty(
        "inventory", "Inventory of assets", "inventory_months", True, "Where the list of machines and software is kept."
    ),
    Duty(
        "plan_review",
        "Review of the incident plan",
        "plan_review_months",
        True,
        "Version of the plan, who approved it.",
    ),
    Duty("scan", "Scan for weaknesses", "scan_days", True, "Number of the report, open findings."),
    Duty("pentest", "Penetration test", "pentest_days", True, "Tester, number of the report."),
    Duty(
        "secret_rotation",
        "Renewal of a channel's secret",
        "secret_block_days",
        False,
        "Done by itself when the new secret is stored.",
        warning="secret_warn_days",
    ),
    Duty("leaver", "End of a leaver's access", "leaver_alarm_hours", False, "Done by itself when nothing is left."),
    Duty(
        "amazon_notice",
        "Notice of an incident to Amazon",
        "amazon_notice_hours",
        False,
        f"When it was sent to {' and '.join(AMAZON_MAILBOXES)}, and its reference.",
    ),
    Duty(
        "authority_notice",
        "Notice of an incident to the authority",
        "authority_notice_hours",
        False,
        "Number that the authority gave, or why the law asks for no notice.",
    ),
    Duty("fix", "Closing of a weakness", "fix_hours", False, "Change that closed it, who checked."),
    Duty(
        "books",
        "Keeping of the registers after the term",
        "books_months",
        False,
        "Where the registers were until the end.",
        keeps=True,
    ),
)
DUTIES = {duty.code: duty for duty in _ALL}


def due_at(started: datetime, figure: str, value: int) -> datetime:
    """Return the moment from which a duty is overdue.

    :param figure: its name ends in the unit
    """
    unit = figure.rsplit("_", 1)[1]
    if unit == "months":
        return started + relativedelta(months=value)
    return started + timedelta(**{unit: value})


def warn_at(started: datetime, due: datetime, warning_days: int) -> datetime:
    """Return the moment from which the officers are reminded.

    So many days before the end, but never in the first two thirds: who has just done it is left in peace. What has to
    be done within three days is on their list at once.
    """
    if due - started <= timedelta(days=3):
        return started
    return max(due - timedelta(days=warning_days), started + (due - started) * 2 / 3)
