"""Regions and marketplaces of the Selling Partner API, as data.

Sources: Amazon's pages "SP-API endpoints" and "Marketplace IDs" and the enum of python-amazon-sp-api, which agree on
these 23 marketplaces. That enum lists 24 *names*, because the United Kingdom stands there twice (``GB`` and ``UK``);
:func:`by_country` accepts both. Seller Central hosts follow Amazon's own list where it names the marketplace; for the
marketplaces it does not name (IE, ZA, SA, EG) the host follows the pattern of the storefront's domain, and an
account can always overrule it.
"""

from __future__ import annotations

from dataclasses import dataclass

LWA_TOKEN_URL = "https://api.amazon.com/auth/o2/token"
"""One host serves all regions."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region: one authorisation (refresh token) covers all of its marketplaces."""

    code: str
    name: str
    endpoint: str
    sandbox_endpoint: str
    aws_region: str
    token_url: str = LWA_TOKEN_URL


@dataclass(frozen=True, slots=True)
class Marketplace:
    """A marketplace. ``country_code`` is ISO 3166-1 alpha-2 (so GB, not UK), ``timezone`` an IANA name."""

    id: str
    country_code: str
    region: str
    name: str
    currency: str
    timezone: str
    seller_central_host: str
    domain: str

    @property
    def endpoint(self) -> str:
        """Base URL of the marketplace's region."""
        return REGIONS[self.region].endpoint


def _region(code: str, name: str, aws_region: str) -> Region:
    host = f"sellingpartnerapi-{code}.amazon.com"
    return Region(code, name, f"https://{host}", f"https://sandbox.{host}", aws_region)


REGIONS: dict[str, Region] = {
    region.code: region
    for region in (
        _region("na", "North America", "us-east-1"),
        _region("eu", "Europe, Middle East, Africa and India", "eu-west-1"),
        _region("fe", "Far East", "us-west-2"),
    )
}

_EUROPE = "sellercentral-europe.amazon.com"
_ON_EUROPE = frozenset({"GB", "DE", "FR", "IT", "ES"})
# id, country, region, name, currency, time zone, domain
_ROWS: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("A2EUQ1WTGCTBG2", "CA", "na", "Canada", "CAD", "America/Toronto", "amazon.ca"),
    ("ATVPDKIKX0DER", "US", "na", "United States", "USD", "America/Los_Angeles", "amazon.com"),
    ("A1AM78C64UM0Y8", "MX", "na", "Mexico", "MXN", "America/Mexico_City", "amazon.com.mx"),
    ("A2Q3Y263D00KWC", "BR", "na", "Brazil", "BRL", "America/Sao_Paulo", "amazon.com.br"),
    ("A28R8C7NBKEWEA", "IE", "eu", "Ireland", "EUR", "Europe/Dublin", "amazon.ie"),
    ("A1RKKUPIHCS9HS", "ES", "eu", "Spain", "EUR", "Europe/Madrid", "amazon.es"),
    ("A1F83G8C2ARO7P", "GB", "eu", "United Kingdom", "GBP", "Europe/London", "amazon.co.uk"),
    ("A13V1IB3VIYZZH", "FR", "eu", "France", "EUR", "Europe/Paris", "amazon.fr"),
    ("AMEN7PMS3EDWL", "BE", "eu", "Belgium", "EUR", "Europe/Brussels", "amazon.com.be"),
    ("A1805IZSGTT6HS", "NL", "eu", "Netherlands", "EUR", "Europe/Amsterdam", "amazon.nl"),
    ("A1PA6795UKMFR9", "DE", "eu", "Germany", "EUR", "Europe/Berlin", "amazon.de"),
    ("APJ6JRA9NG5V4", "IT", "eu", "Italy", "EUR", "Europe/Rome", "amazon.it"),
    ("A2NODRKZP88ZB9", "SE", "eu", "Sweden", "SEK", "Europe/Stockholm", "amazon.se"),
    ("AE08WJ6YKNBMC", "ZA", "eu", "South Africa", "ZAR", "Africa/Johannesburg", "amazon.co.za"),
    ("A1C3SOZRARQ6R3", "PL", "eu", "Poland", "PLN", "Europe/Warsaw", "amazon.pl"),
    ("ARBP9OOSHTCHU", "EG", "eu", "Egypt", "EGP", "Africa/Cairo", "amazon.eg"),
    ("A33AVAJ2PDY3EV", "TR", "eu", "Türkiye", "TRY", "Europe/Istanbul", "amazon.com.tr"),
    ("A17E79C6D8DWNP", "SA", "eu", "Saudi Arabia", "SAR", "Asia/Riyadh", "amazon.sa"),
    ("A2VIGQ35RCS4UG", "AE", "eu", "United Arab Emirates", "AED", "Asia/Dubai", "amazon.ae"),
    ("A21TJRUUN4KGV", "IN", "eu", "India", "INR", "Asia/Kolkata", "amazon.in"),
    ("A19VAU5U5O7RUS", "SG", "fe", "Singapore", "SGD", "Asia/Singapore", "amazon.sg"),
    ("A39IBJ37TRP1C6", "AU", "fe", "Australia", "AUD", "Australia/Sydney", "amazon.com.au"),
    ("A1VC38T7YXB528", "JP", "fe", "Japan", "JPY", "Asia/Tokyo", "amazon.co.jp"),
)


def _marketplace(id_: str, country: str, region: str, name: str, currency: str, zone: str, domain: str) -> Marketplace:
    host = _EUROPE if country in _ON_EUROPE else f"sellercentral.{domain}"
    return Marketplace(id_, country, region, name, currency, zone, host, domain)


MARKETPLACES: dict[str, Marketplace] = {row[0]: _marketplace(*row) for row in _ROWS}
"""By marketplace id."""

_BY_COUNTRY = {marketplace.country_code: marketplace for marketplace in MARKETPLACES.values()}
_ALIASES = {"UK": "GB"}


def by_country(code: str) -> Marketplace:
    """The marketplace of a country; ``UK`` is accepted for ``GB``. Raises ``KeyError`` for a country without one."""
    code = code.strip().upper()
    return _BY_COUNTRY[_ALIASES.get(code, code)]


def in_region(region: str) -> tuple[Marketplace, ...]:
    """All marketplaces of a region (``na``, ``eu``, ``fe``), in Amazon's order."""
    return tuple(marketplace for marketplace in MARKETPLACES.values() if marketplace.region == region)
