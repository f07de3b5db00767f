"""How long a statute keeps a document: when the period starts, when it ends, and which year's key seals it.

Pure Python, no Odoo.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date

#: What the period is counted from. The words are those of the screens.
STARTS: dict[str, str] = {
    "calendar_year": "End of the calendar year of the document",
    "fiscal_year": "End of the fiscal year of the document",
    "fiscal_calendar_year": "End of the calendar year in which the fiscal year of the document ends",
    "transaction_year": "End of the calendar year of the transaction",
    "tax_due_year": "End of the calendar year in which the tax falls due",
}


@dataclass(frozen=True, slots=True)
class Dates:
    """What the start of a period may depend on.

    :param document: date of issue
    :param transaction: date of the supply; that of the document when it is not known
    :param fiscal_year_end: last day of the issuer's fiscal year that contains the document
    """

    document: date
    transaction: date
    fiscal_year_end: date


def starts(kind: str, dates: Dates, tax_period_months: int = 1) -> date:
    """Return the last day before the period: the end of a year.

    :param kind: a key of :data:`STARTS`
    :param tax_period_months: months of a tax period (1 or 3); the tax of a period falls due in the month after it
    :raise ValueError: an unknown kind, a period that does not divide the year, or a fiscal year that ends before the
        document
    """
    if dates.fiscal_year_end < dates.document:
        raise ValueError("The fiscal year of a document does not end before it.")
    if kind == "calendar_year":
        return _end_of(dates.document.year)
    if kind == "fiscal_year":
        return dates.fiscal_year_end
    if kind == "fiscal_calendar_year":
        return _end_of(dates.fiscal_year_end.year)
    if kind == "transaction_year":
        return _end_of(dates.transaction.year)
    if kind == "tax_due_year":
        if tax_period_months < 1 or 12 % tax_period_months:
            raise ValueError("A tax period divides the year.")
        last_month = -(-dates.document.month // tax_period_months) * tax_period_months
        return _end_of(dates.document.year + (last_month == 12))
    raise ValueError(f"Nothing starts with {kind!r}.")


def retain_until(start: date, years: int) -> date:
    """Return the last day on which the document is kept: ``years`` years after ``start``.

    A year that ends with the last day of February does so in leap years too.

    :raise ValueError: for less than one year
    """
    if years < 1:
        raise ValueError("A statute keeps a document for at least a year.")
    year = start.year + years
    last = calendar.monthrange(year, start.month)[1]
    is_month_end = start.day == calendar.monthrange(start.year, start.month)[1]
    return date(year, start.month, last if is_month_end else min(start.day, last))


def is_due(bucket_year: int, today: date) -> bool:
    """Tell whether the documents of a bucket have no statute any more: its last year is over."""
    return today.year > bucket_year


def _end_of(year: int) -> date:
    return date(year, 12, 31)
