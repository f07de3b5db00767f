"""VAT numbers that pass the check digits of their country (python-stdnum decides), as a buyer of a business order
enters them.
"""

from __future__ import annotations

from random import Random

from stdnum.at import uid as _at
from stdnum.be import vat as _be
from stdnum.de import vat as _de
from stdnum.dk import cvr as _dk
from stdnum.es import cif as _es
from stdnum.fi import alv as _fi
from stdnum.fr import siren as _siren
from stdnum.fr import tva as _fr
from stdnum.gb import vat as _gb
from stdnum.ie import vat as _ie
from stdnum.it import iva as _it
from stdnum.lu import tva as _lu
from stdnum.nl import bsn as _bsn
from stdnum.nl import btw as _nl
from stdnum.pl import nip as _pl
from stdnum.pt import nif as _pt
from stdnum.se import orgnr as _orgnr
from stdnum.se import vat as _se
from stdnum.tr import vkn as _tr

__all__ = ["VALIDATORS", "vat_number"]

VALIDATORS = {
    "IT": _it,
    "ES": _es,
    "FR": _fr,
    "DE": _de,
    "PL": _pl,
    "NL": _nl,
    "GB": _gb,
    "SE": _se,
    "BE": _be,
    "IE": _ie,
    "TR": _tr,
    "AT": _at,
    "PT": _pt,
    "LU": _lu,
    "FI": _fi,
    "DK": _dk,
}

# Country: (pattern, module that judges it, what follows). '#' is a digit, '@' a digit from 1 to 9, '?' the check
# character(s) to find.
_SHAPES = {
    "IT": ("@######015?", _it, ""),
    "ES": ("B#######?", _es, ""),
    "FR": ("@#######?", _siren, ""),
    "DE": ("@#######?", _de, ""),
    "PL": ("@########?", _pl, ""),
    "NL": ("@#######?", _bsn, "B01"),
    "GB": ("9######??", _gb, ""),
    "SE": ("55####-###?", _orgnr, "01"),
    "BE": ("0@######??", _be, ""),
    "IE": ("@######?", _ie, ""),
    "TR": ("@########?", _tr, ""),
    "AT": ("U#######?", _at, ""),
    "PT": ("5#######?", _pt, ""),
    "LU": ("@#####??", _lu, ""),
    "FI": ("@######?", _fi, ""),
    "DK": ("@######?", _dk, ""),
}
_PREFIXES = {"TR": ""}


def vat_number(country: str, rng: Random) -> str:
    """A valid VAT number with its country prefix (``IT01234567890``; Turkey has none). Raise ``KeyError`` for an
    unknown country.
    """
    pattern, judge, suffix = _SHAPES[country]
    while True:
        body = "".join(
            str(rng.randrange(10)) if sign == "#" else str(rng.randrange(1, 10)) if sign == "@" else sign
            for sign in pattern.replace("-", "")
        )
        stem = body.rstrip("?")
        width = len(body) - len(stem)
        tails = "ABCDEFGHIJKLMNOPQRSTUVW" if country == "IE" else (f"{tail:0{width}d}" for tail in range(10**width))
        # Some stems have no check digit at all (Poland, the Netherlands, Finland, Denmark: remainder 10); take
        # another one.
        for tail in tails:
            if judge.is_valid(stem + tail):
                return _PREFIXES.get(country, country) + _finish(country, stem + tail, suffix)


def _finish(country: str, number: str, suffix: str) -> str:
    if country == "FR":
        return f"{int(number + '12') % 97:02d}{number}"
    return number + suffix
