"""Who owes the tax of an item, and under which rule: the scheme that chooses the tax in the books. Pure.

``regular``
    the seller, in his country or where he is registered
``uoss``
    the seller, through the Union one-stop shop (Directive 2006/112/EC art. 369a ff.)
``ioss``
    the seller, through the import one-stop shop (art. 369l ff.)
``deemed``
    Amazon: as deemed supplier (art. 14a; the same in the United Kingdom) or as marketplace facilitator (sales taxes of
    the United States and others). The seller's own supply carries no tax of his.
``export``
    nobody: the goods leave the VAT area of the Union (art. 146)
``reverse``
    the business customer in another member state (art. 138)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..spapi.order_model import Line
from .vat import RATES

SCHEMES = ("regular", "uoss", "ioss", "deemed", "export", "reverse")
MIXED = "mixed"
"""Said of an order whose items differ."""
TAXED = frozenset({"regular", "uoss", "ioss"})
EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(),
)
"""Member states whose whole territory but for the special ones is the VAT area (Directive 2006/112/EC art. 5)."""
OUTSIDE, NORTHERN_IRELAND, ORDINARY = "outside", "xi", "ordinary"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an order goes, as far as taxes need it.

    :param home: ISO code of the seller's fiscal country
    :param country: ISO code of the country that taxes it (that of which a special territory is treated as a part)
    :param zone: ``ordinary``, ``outside`` (of the VAT area), ``xi``, or "" when it was not decided
    :param vat_valid: the buyer gave a VAT number and it is valid
    :param origin: ISO code of the country that the goods leave from: the seller's, for FBA that of the marketplace
    :param business: the buyer is a business, as far as Amazon says so and no number of it is known to be wrong
    """

    home: str
    country: str
    zone: str = ""
    vat_valid: bool = False
    origin: str = ""
    business: bool = False

    @property
    def is_due(self) -> bool:
        """Whether VAT is due on goods that go there, so that a tax of zero needs a reason: a sale within a country or
        within the Union, but for one to a business abroad."""
        places = {self.home, self.origin or self.home, self.country}
        if self.zone == OUTSIDE or (self.business and self.country != self.home):
            return False
        inside = self.in_union and not places - {self.country} - EU
        return inside or (len(places) == 1 and self.country in RATES)

    @property
    def is_stock_abroad(self) -> bool:
        """Whether the goods lie in the Union, or in the United Kingdom, and their seller is established outside of it:
        a sale to a consumer is then the marketplace's by law (Directive 2006/112/EC art. 14a (2); VATA 1994 s. 5A)."""
        origin = self.origin or self.home
        return bool(self.home) and ((origin in EU and self.home not in EU) or (origin == "GB" != self.home))

    @property
    def in_union(self) -> bool:
        """Whether a supply of goods to there is one within the Union (Northern Ireland: Windsor Framework art. 8)."""
        return self.zone == NORTHERN_IRELAND or (self.country in EU and self.zone != OUTSIDE)


def is_collected(line: Line, facilitator: bool) -> bool:
    """Whether Amazon keeps the tax of an item.

    :param facilitator: the marketplace collects wherever Amazon says nothing else
    """
    return line.deemed_supplier or (facilitator and not line.reporting_schemes)


def scheme_of(line: Line, destination: Destination, *, collected: bool, taxed: bool | None) -> str:
    """The scheme of an item: what Amazon states, else what follows from a tax of nothing.

    :param taxed: whether Amazon charged tax; None if it says nothing of it
    """
    if collected:
        return "deemed"
    for stated, scheme in (("IOSS", "ioss"), ("UOSS", "uoss")):
        if stated in line.reporting_schemes:
            return scheme
    # Amazon's silence is no statement that nothing is due.
    if taxed is not False or not destination.country or {destination.home, destination.origin or destination.home} - EU:
        return "regular"
    if not destination.in_union:
        return "export"
    return "reverse" if destination.vat_valid and destination.country != destination.home else "regular"


def of_order(schemes: Iterable[str]) -> str:
    """The scheme of an order from those of its items."""
    found = set(schemes)
    return found.pop() if len(found) == 1 else MIXED if found else "regular"
