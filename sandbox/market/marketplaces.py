"""The European marketplaces: identity, money, language and who buys there.

Marketplace ids, domains and currencies are Amazon's public ones. The rates turn the catalogue's euro prices into
believable local prices; they are constants of the sandbox, not market data.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HOME_COUNTRY", "MARKETPLACES", "VAT_PER_MILLE", "EU", "Marketplace", "marketplace"]

# The sandbox's seller is established in Italy and ships from there.
HOME_COUNTRY = "IT"

# Standard VAT rates of the destination, in per mille (Finland: 25.5 %).
VAT_PER_MILLE = {
    "IT": 220,
    "ES": 210,
    "FR": 200,
    "DE": 190,
    "PL": 230,
    "NL": 210,
    "GB": 200,
    "SE": 250,
    "BE": 210,
    "IE": 230,
    "TR": 200,
    "AT": 200,
    "PT": 230,
    "LU": 170,
    "FI": 255,
    "DK": 250,
}
EU = frozenset(VAT_PER_MILLE) - {"GB", "TR"}


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One marketplace. ``rate`` is local currency per euro in hundredths; ``neighbours`` are the countries of its
    cross-border buyers.
    """

    id: str
    country: str
    domain: str
    currency: str
    rate: int
    languages: tuple[str, ...]
    order_prefixes: tuple[str, ...]
    neighbours: tuple[str, ...]
    free_shipping_from: int

    @property
    def name(self) -> str:
        """``Amazon.it``, as in ``salesChannel.marketplaceName``."""
        return self.domain.capitalize()

    @property
    def mail_domain(self) -> str:
        """The domain of the anonymised buyer aliases."""
        return f"marketplace.{self.domain}"


_CONTINENT = ("402", "403", "404", "405", "406", "407", "408", "171")
_GERMAN = ("302", "303", "304", "305", "306", "028")
_BRITISH = ("202", "203", "204", "205", "206", "026")

MARKETPLACES: dict[str, Marketplace] = {
    row.id: row
    for row in (
        Marketplace(
            "APJ6JRA9NG5V4", "IT", "amazon.it", "EUR", 100, ("it",), _CONTINENT, ("DE", "FR", "AT", "ES"), 3500
        ),
        Marketplace("A1RKKUPIHCS9HS", "ES", "amazon.es", "EUR", 100, ("es",), _CONTINENT, ("PT", "FR", "IT"), 2900),
        Marketplace("A13V1IB3VIYZZH", "FR", "amazon.fr", "EUR", 100, ("fr",), _CONTINENT, ("BE", "LU", "ES"), 3500),
        Marketplace("A1PA6795UKMFR9", "DE", "amazon.de", "EUR", 100, ("de",), _GERMAN, ("AT", "NL", "LU", "DK"), 3900),
        Marketplace("A1C3SOZRARQ6R3", "PL", "amazon.pl", "PLN", 430, ("pl",), _CONTINENT, ("DE", "SE"), 6500),
        Marketplace("A1805IZSGTT6HS", "NL", "amazon.nl", "EUR", 100, ("nl",), _CONTINENT, ("BE", "DE"), 2500),
        Marketplace("A1F83G8C2ARO7P", "GB", "amazon.co.uk", "GBP", 86, ("en",), _BRITISH, ("IE",), 3500),
        Marketplace("A2NODRKZP88ZB9", "SE", "amazon.se", "SEK", 1110, ("sv",), _CONTINENT, ("FI", "DK"), 22900),
        Marketplace(
            "AMEN7PMS3EDWL", "BE", "amazon.com.be", "EUR", 100, ("nl", "fr"), _CONTINENT, ("NL", "FR", "LU"), 2500
        ),
        Marketplace("A28R8C7NBKEWEA", "IE", "amazon.ie", "EUR", 100, ("en",), _CONTINENT, ("DE", "FR"), 3500),
        Marketplace("A33AVAJ2PDY3EV", "TR", "amazon.com.tr", "TRY", 4800, ("tr",), _CONTINENT, (), 100000),
    )
}


def marketplace(marketplace_id: str) -> Marketplace:
    """The marketplace with that id. Raise ``ValueError`` for one whose buyers the sandbox cannot make up."""
    try:
        return MARKETPLACES[marketplace_id]
    except KeyError:
        raise ValueError(f"no buyers for marketplace {marketplace_id!r}; known: {', '.join(MARKETPLACES)}") from None
