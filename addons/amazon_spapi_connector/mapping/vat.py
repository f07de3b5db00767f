"""VAT rates by country: which rate did Amazon apply, given a net amount and a tax amount?

Amazon sends amounts, not rates. A cent of rounding makes many rates fit a small amount, so the statutory rates of the
destination come first, then those of the seller's country (a seller below the OSS threshold charges its own), then
any rate with one decimal, at last one with three (sales taxes). Rates: European Commission, "VAT rates applied in the
Member States", and the national laws of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

RATES: dict[str, tuple[str, ...]] = {
    "AE": ("5",),
    "AT": ("20", "10", "13"),
    "AU": ("10",),
    "BE": ("21", "6", "12"),
    "BG": ("20", "9"),
    "CH": ("8.1", "2.6", "3.8"),
    "CY": ("19", "5", "9"),
    "CZ": ("21", "12"),
    "DE": ("19", "7"),
    "DK": ("25",),
    "EE": ("24", "22", "9", "13"),
    "EG": ("14",),
    "ES": ("21", "10", "4"),
    "FI": ("25.5", "14", "13.5", "10"),
    "FR": ("20", "5.5", "10", "2.1"),
    "GB": ("20", "5"),
    "GR": ("24", "6", "13"),
    "HR": ("25", "5", "13"),
    "HU": ("27", "5", "18"),
    "IE": ("23", "9", "13.5", "4.8"),
    "IN": ("18", "5", "12", "28", "40"),
    "IT": ("22", "10", "4", "5"),
    "JP": ("10", "8"),
    "LT": ("21", "5", "9", "12"),
    "LU": ("17", "3", "8", "14"),
    "LV": ("21", "5", "12"),
    "MT": ("18", "5", "7", "12"),
    "MX": ("16", "8"),
    "NL": ("21", "9"),
    "PL": ("23", "5", "8"),
    "PT": ("23", "6", "13"),
    "RO": ("21", "11", "19", "9"),
    "SA": ("15",),
    "SE": ("25", "6", "12"),
    "SG": ("9",),
    "SI": ("22", "5", "9.5"),
    "SK": ("23", "5", "19"),
    "TR": ("20", "1", "10"),
    "ZA": ("15",),
}


def find_rate(net: Decimal, tax: Decimal, countries: Iterable[str], unit: Decimal, parts: int = 1) -> Decimal | None:
    """The rate in percent that explains `tax` on `net`, or None.

    :param countries: ISO codes whose statutory rates are tried, in this order
    :param unit: the currency's smallest amount (0.01)
    :param parts: how many amounts were rounded before they were added up: each may be off by one unit
    """
    if not tax:
        return Decimal(0)
    if not net or (net < 0) != (tax < 0):
        return None
    real = tax / net * 100
    # Many pieces leave room for several rates of a country: the nearest of them comes first.
    candidates = [
        rate
        for country in countries
        for rate in sorted(map(Decimal, RATES.get(country, ())), key=lambda rate: abs(rate - real))
    ]
    candidates += [real.quantize(Decimal(step), ROUND_HALF_UP) for step in ("1", "0.1", "0.001")]
    for rate in candidates:
        # There is tax, so its rate is not 0, however little it is.
        if 0 < rate <= 100 and fits(rate, net, tax, unit, parts):
            return rate.normalize() if rate % 1 else rate.quantize(Decimal(1))
    return None


def fits(rate: Decimal, net: Decimal, tax: Decimal, unit: Decimal, parts: int = 1) -> bool:
    """Whether `rate` explains `tax` on `net`, each of `parts` amounts being off by at most one unit."""
    return abs(net * rate / 100 - tax) <= unit * parts
