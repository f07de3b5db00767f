"""An order as the rest of the connector sees it: typed, immutable, without personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about an order that a person must know. `message` is for a back-office user and quotes no value;
    `path` names the place in Amazon's words (``orderItems[3].quantityOrdered``)."""

    code: str
    path: str
    message: str


class OrderDataError(Exception):
    """An order that cannot be used as it is: all of its problems at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.message} ({problem.path})" for problem in problems))

    @property
    def code(self) -> str:
        """Code of the first problem."""
        return self.problems[0].code

    @property
    def path(self) -> str:
        """Path of the first problem."""
        return self.problems[0].path

    @property
    def message(self) -> str:
        """All messages, one a line, with the line of the order they are about."""
        return "\n".join(f"{problem.message} [{problem.path}]" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: exact decimal and ISO 4217 code. The sign is Amazon's."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Window:
    """A promised period, both ends UTC and aware, either may be missing."""

    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A part of the proceeds. `details` (subtype → value) exists for TAX and DISCOUNT of a line."""

    type: str
    value: Decimal
    details: tuple[tuple[str, Decimal], ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """A related order: what this one replaces or was exchanged for."""

    order_id: str
    type: str


@dataclass(frozen=True, slots=True)
class Line:
    """One order item. Amounts are for the whole line, not for a piece; `unit_price` is for one piece.

    Whether ITEM includes VAT in Europe is not stated by Amazon's model; nothing here assumes it.
    """

    item_id: str
    sku: str
    asin: str
    title: str
    quantity: int
    quantity_fulfilled: int | None
    quantity_unfulfilled: int | None
    unit_price: Amount | None
    total: Amount | None
    breakdowns: tuple[Breakdown, ...]
    promotions: tuple[str, ...]
    programs: tuple[str, ...]
    condition: str
    gift_wrap: str
    serial_numbers: tuple[str, ...]
    cancel_requested: bool
    cancelled_by: str
    ioss_number: str
    reporting_schemes: tuple[str, ...]
    deemed_supplier: bool

    def amount(self, kind: str, subtype: str | None = None) -> Decimal:
        """Sum of the breakdowns of a type (ITEM, SHIPPING, GIFT_WRAP, COD_FEE, OTHER, TAX, DISCOUNT); of one subtype
        of TAX or DISCOUNT if given. Zero if there is none."""
        chosen = [breakdown for breakdown in self.breakdowns if breakdown.type == kind]
        if subtype is None:
            return sum((breakdown.value for breakdown in chosen), ZERO)
        return sum((value for b in chosen for name, value in b.details if name == subtype), ZERO)

    @property
    def item(self) -> Decimal:
        """The goods."""
        return self.amount("ITEM")

    @property
    def shipping(self) -> Decimal:
        """What the buyer pays for shipping this line."""
        return self.amount("SHIPPING")

    @property
    def gift_wrap_amount(self) -> Decimal:
        """What the buyer pays for gift wrapping."""
        return self.amount("GIFT_WRAP")

    @property
    def discount(self) -> Decimal:
        """All promotions, with Amazon's sign."""
        return self.amount("DISCOUNT")

    @property
    def tax(self) -> Decimal:
        """All tax."""
        return self.amount("TAX")


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a merchant-fulfilled order, as Amazon knows it. `items` is (order item id, quantity)."""

    reference: str
    status: str
    detailed_status: str
    carrier: str
    service: str
    tracking_number: str
    shipped: datetime | None
    items: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Times are UTC and aware. `currency` is "" as long as Amazon states no amount (PENDING).

    `status`: PENDING_AVAILABILITY, PENDING, UNSHIPPED, PARTIALLY_SHIPPED, SHIPPED, CANCELLED, UNFULFILLABLE.
    `fulfilled_by`: MERCHANT, AMAZON, or "" when Amazon does not say.
    `country_code` and `address_type` are those of the delivery address, "" without one.
    """

    order_id: str
    seller_order_id: str
    marketplace_id: str
    channel: str
    created: datetime
    updated: datetime
    status: str
    fulfilled_by: str
    service_level: str
    programs: tuple[str, ...]
    currency: str
    total: Amount | None
    breakdowns: tuple[Breakdown, ...]
    lines: tuple[Line, ...]
    packages: tuple[Package, ...]
    associations: tuple[Association, ...]
    ship_by: Window | None
    deliver_by: Window | None
    country_code: str
    address_type: str

    @property
    def shipped(self) -> datetime | None:
        """When the last package was handed over; None unless the order is shipped and every package says when."""
        times = [package.shipped for package in self.packages if package.status != "CANCELLED"]
        return max(times) if self.status == "SHIPPED" and times and all(times) else None

    @property
    def delivered(self) -> datetime | None:
        """A moment at which everything was delivered, and not long after it; None unless each package says it was.

        Amazon tells that a package was delivered, not when: before the order's last update, and by the day that was
        promised as far as anybody can tell. The earlier of the two keeps nobody's data longer than it may be kept.
        """
        statuses = {package.status for package in self.packages} - {"CANCELLED"}
        if self.status != "SHIPPED" or statuses != {"DELIVERED"}:
            return None
        promised = self.deliver_by.latest if self.deliver_by else None
        earliest = min(filter(None, (self.updated, promised)))
        return max(earliest, self.shipped) if self.shipped else earliest

    @property
    def is_business(self) -> bool:
        """An Amazon Business order."""
        return "AMAZON_BUSINESS" in self.programs

    @property
    def is_free_of_charge(self) -> bool:
        """A replacement or an exchange of which Amazon states no money at all: the buyer has paid the original."""
        return bool(self.associations) and not any((self.total, self.breakdowns, *(line.total for line in self.lines)))

    @property
    def is_prime(self) -> bool:
        """A Prime order."""
        return "PRIME" in self.programs

    @property
    def is_merchant_fulfilled(self) -> bool:
        """Whether the seller ships it."""
        return self.fulfilled_by == "MERCHANT"

    def amount(self, kind: str) -> Decimal:
        """Sum of a type over all lines; DELIVERY_TIP stands on the order alone."""
        if kind == "DELIVERY_TIP":
            return sum((b.value for b in self.breakdowns if b.type == kind), ZERO)
        return sum((line.amount(kind) for line in self.lines), ZERO)
