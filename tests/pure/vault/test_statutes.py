"""How long a statute keeps a document: every row, leap years, fiscal years that are not the calendar's, quarters."""

from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_retention import statutes
from pii_retention.statutes import Dates, is_due, retain_until, starts

from support.figures import figure

ROWS = Path(__file__).resolve().parents[3] / "addons/pii_retention/data/pii_archive_rule_data.xml"


def rows():
    """Return ``{code: (years, start)}`` as the addon ships them."""
    found = {}
    for record in ElementTree.parse(ROWS).iter("record"):
        values = {field.get("name"): field.text for field in record.iter("field")}
        found[values["code"]] = int(values["years"]), values["start"]
    return found


def dates(document, transaction=None, fiscal_year_end=None):
    document = date.fromisoformat(document)
    return Dates(
        document,
        date.fromisoformat(transaction) if transaction else document,
        date.fromisoformat(fiscal_year_end) if fiscal_year_end else date(document.year, 12, 31),
    )


#: code, document, transaction, end of the fiscal year, last day kept, year of the key
CASES = [
    ("IT", "2026-03-01", None, None, "2036-12-31"),
    ("IT", "2026-03-01", None, "2026-06-30", "2036-06-30"),
    ("IT", "2026-07-01", None, "2027-06-30", "2037-06-30"),
    ("IT", "2028-02-29", None, "2028-02-29", "2038-02-28"),
    ("IT", "2026-05-05", None, "2027-02-28", "2037-02-28"),
    ("ES", "2026-12-31", None, None, "2032-12-31"),
    ("ES", "2027-01-01", None, None, "2033-12-31"),
    ("FR", "2026-10-01", None, "2027-09-30", "2037-09-30"),
    ("DE", "2026-03-01", None, None, "2034-12-31"),
    ("DE", "2026-03-01", None, "2026-06-30", "2034-12-31"),
    ("DE", "2028-02-29", None, None, "2036-12-31"),
    ("UK", "2026-04-05", None, "2026-04-05", "2032-04-05"),
    ("UK", "2026-04-06", None, "2027-04-05", "2033-04-05"),
    ("PL", "2026-11-30", None, None, "2031-12-31"),
    ("PL", "2026-12-01", None, None, "2032-12-31"),
    ("NL", "2026-12-31", None, None, "2033-12-31"),
    ("BE", "2026-01-01", None, "2026-06-30", "2036-12-31"),
    ("SE", "2026-07-01", None, "2027-06-30", "2034-12-31"),
    ("SE", "2026-06-30", None, "2026-06-30", "2033-12-31"),
    ("IE", "2026-08-08", None, None, "2032-12-31"),
    ("OSS", "2027-01-02", "2026-12-31", None, "2036-12-31"),
    ("OSS", "2026-12-31", "2027-01-01", None, "2037-12-31"),
]


@pytest.mark.parametrize(("code", "document", "transaction", "fiscal_year_end", "until"), CASES)
def test_each_row(code, document, transaction, fiscal_year_end, until):
    years, kind = rows()[code]
    start = starts(kind, dates(document, transaction, fiscal_year_end))
    assert retain_until(start, years) == date.fromisoformat(until)


def test_no_row_without_a_case():
    assert set(rows()) == {case[0] for case in CASES} == set("IT ES FR DE UK PL NL BE SE IE OSS".split())
    assert {kind for _years, kind in rows().values()} == set(statutes.STARTS)
    figure("archive_statute_cases", len(CASES), "cases")


@pytest.mark.parametrize(
    ("months", "document", "year"),
    [(1, "2026-09-30", 2026), (1, "2026-12-31", 2027), (3, "2026-09-30", 2026), (3, "2026-10-01", 2027)],
)
def test_the_tax_of_a_period_falls_due_in_the_month_after_it(months, document, year):
    assert starts("tax_due_year", dates(document), months) == date(year, 12, 31)


@pytest.mark.parametrize("bad", [0, 5, -1, 24])
def test_a_tax_period_divides_the_year(bad):
    with pytest.raises(ValueError, match="tax period"):
        starts("tax_due_year", dates("2026-01-01"), bad)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="fiscal year"):
        starts("fiscal_year", dates("2026-07-01", None, "2026-06-30"))
    with pytest.raises(ValueError, match="Nothing starts"):
        starts("someday", dates("2026-07-01"))
    with pytest.raises(ValueError, match="a year"):
        retain_until(date(2026, 12, 31), 0)


def test_a_bucket_is_due_when_its_year_is_over():
    assert not is_due(2036, date(2036, 12, 31))
    assert is_due(2036, date(2037, 1, 1))


@given(
    document=st.dates(date(2000, 1, 1), date(2090, 12, 31)),
    back=st.integers(0, 40),
    fiscal=st.integers(0, 365),
    years=st.integers(1, 30),
    kind=st.sampled_from(sorted(statutes.STARTS)),
    months=st.sampled_from([1, 3]),
)
def test_never_shorter_than_the_statute_and_hardly_longer(document, back, fiscal, years, kind, months):
    known = Dates(document, document - timedelta(days=back), document + timedelta(days=fiscal))
    start = starts(kind, known, months)
    until = retain_until(start, years)
    assert until.year - start.year == years
    # the period begins at the end of a year: at most two of them after the document, and never long before it
    assert -40 <= (start - document).days <= 2 * 366
    assert (until - start).days >= 365 * years - 1
    assert not is_due(until.year, until)
