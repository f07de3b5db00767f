"""Amazon's marketplaces: what the Sellers API says of each, and its selling region."""

from __future__ import annotations

from typing import Any, NamedTuple


class Marketplace(NamedTuple):
    """One marketplace; `region` is the endpoint that serves it (na, eu, fe)."""

    id: str
    country: str
    region: str
    currency: str
    language: str
    domain: str

    @property
    def name(self) -> str:
        """The name as Amazon prints it: the domain with a capital, ``Amazon.de``."""
        return self.domain.removeprefix("www.").capitalize()

    def json(self) -> dict[str, Any]:
        """The Sellers API's `Marketplace`."""
        return {
            "id": self.id,
            "name": self.name,
            "countryCode": self.country,
            "defaultCurrencyCode": self.currency,
            "defaultLanguageCode": self.language,
            "domainName": self.domain,
        }


MARKETPLACES = {
    m.id: m
    for m in (
        Marketplace("A2EUQ1WTGCTBG2", "CA", "na", "CAD", "en_CA", "www.amazon.ca"),
        Marketplace("ATVPDKIKX0DER", "US", "na", "USD", "en_US", "www.amazon.com"),
        Marketplace("A1AM78C64UM0Y8", "MX", "na", "MXN", "es_MX", "www.amazon.com.mx"),
        Marketplace("A2Q3Y263D00KWC", "BR", "na", "BRL", "pt_BR", "www.amazon.com.br"),
        Marketplace("A28R8C7NBKEWEA", "IE", "eu", "EUR", "en_IE", "www.amazon.ie"),
        Marketplace("A1RKKUPIHCS9HS", "ES", "eu", "EUR", "es_ES", "www.amazon.es"),
        Marketplace("A1F83G8C2ARO7P", "GB", "eu", "GBP", "en_GB", "www.amazon.co.uk"),
        Marketplace("A13V1IB3VIYZZH", "FR", "eu", "EUR", "fr_FR", "www.amazon.fr"),
        Marketplace("AMEN7PMS3EDWL", "BE", "eu", "EUR", "fr_BE", "www.amazon.com.be"),
        Marketplace("A1805IZSGTT6HS", "NL", "eu", "EUR", "nl_NL", "www.amazon.nl"),
        Marketplace("A1PA6795UKMFR9", "DE", "eu", "EUR", "de_DE", "www.amazon.de"),
        Marketplace("APJ6JRA9NG5V4", "IT", "eu", "EUR", "it_IT", "www.amazon.it"),
        Marketplace("A2NODRKZP88ZB9", "SE", "eu", "SEK", "sv_SE", "www.amazon.se"),
        Marketplace("AE08WJ6YKNBMC", "ZA", "eu", "ZAR", "en_ZA", "www.amazon.co.za"),
        Marketplace("A1C3SOZRARQ6R3", "PL", "eu", "PLN", "pl_PL", "www.amazon.pl"),
        Marketplace("ARBP9OOSHTCHU", "EG", "eu", "EGP", "ar_EG", "www.amazon.eg"),
        Marketplace("A33AVAJ2PDY3EV", "TR", "eu", "TRY", "tr_TR", "www.amazon.com.tr"),
        Marketplace("A17E79C6D8DWNP", "SA", "eu", "SAR", "ar_SA", "www.amazon.sa"),
        Marketplace("A2VIGQ35RCS4UG", "AE", "eu", "AED", "en_AE", "www.amazon.ae"),
        Marketplace("A21TJRUUN4KGV", "IN", "eu", "INR", "en_IN", "www.amazon.in"),
        Marketplace("A19VAU5U5O7RUS", "SG", "fe", "SGD", "en_SG", "www.amazon.sg"),
        Marketplace("A39IBJ37TRP1C6", "AU", "fe", "AUD", "en_AU", "www.amazon.com.au"),
        Marketplace("A1VC38T7YXB528", "JP", "fe", "JPY", "ja_JP", "www.amazon.co.jp"),
    )
}

REGIONS = ("na", "eu", "fe")


def of_region(region: str) -> list[str]:
    """The ids of one region's marketplaces."""
    return [m.id for m in MARKETPLACES.values() if m.region == region]
