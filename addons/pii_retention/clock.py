"""Until when a person's data is kept, and why. Pure arithmetic of days; no Odoo, no time zone, no clock.

What is known about an order is a handful of days (:class:`Facts`). Facts of two pieces of news are merged fact by fact,
so that it does not matter in which order, how late or how often news arrives. From the facts and the figures of the
policy follows one day, the *deadline*: readable until the last second before it begins in the company's time zone,
dead from then on.

==============  =========================================================================================
``created``     the order's day + ``days``: what holds as long as nothing else is known
``open``        the last day on which the order was open + ``days``; at most ``open_days`` after the order
``shipped``     the day of shipment + ``days``; final
``delivered``   the day of proven delivery + ``days``, where the policy counts from it; else it changes nothing
``cancelled``   the day of the cancellation: nothing is shipped, nobody needs the person any more
``fba``         the marketplace ships itself: as cancelled
``invoice``     cancelled or shipped by the marketplace, but an invoice is owed: until it is issued or its time is over
``invoiced``    … and was issued on that day, whose end leaves time to print and archive it
``altered``     somebody wrote past the clock into the database: the day of the key that the data is sealed with; final
``held``        a legal hold moves the data on, day by day
==============  =========================================================================================

No rule leads beyond ``days`` after the shipment (or the order, or the last day it was open, when nothing is shipped).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import NamedTuple

#: Kinds of news. Each is a fact of the same name.
EVENTS = ("created", "open", "shipped", "delivered", "cancelled", "fba", "invoice_due", "invoiced")
RULES = ("created", "open", "shipped", "delivered", "cancelled", "fba", "invoice", "invoiced", "altered", "held")
#: An invoice that is owed without a day of its own: the hard stop alone ends it.
NO_LIMIT = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the policy says.

    :param days: how long data is kept after what it is counted from
    :param open_days: so many days after its order, an order is not taken to be open any more
    :param anchor: ``shipment`` or ``delivery``
    """

    days: int = 30
    open_days: int = 90
    anchor: str = "shipment"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about an order, as calendar days of its company; None is not known, and never guessed.

    :param created: the buyer's order; the earliest one counts
    :param open: the last day on which it waited to be shipped; the latest one counts
    :param shipped: everything was handed to the carrier; the earliest one counts, as for all that follow
    :param delivered: delivery that a carrier or the marketplace proved
    :param cancelled: nothing will be shipped
    :param fba: the marketplace ships from its own warehouse
    :param invoice_due: last day on which an invoice to the person may still be issued (:data:`NO_LIMIT`: any)
    :param invoiced: it was issued
    :param limit: nothing leads beyond this day any more, because what was known is not to be believed; no news says so
    """

    created: date | None = None
    open: date | None = None
    shipped: date | None = None
    delivered: date | None = None
    cancelled: date | None = None
    fba: date | None = None
    invoice_due: date | None = None
    invoiced: date | None = None
    limit: date | None = None

    def merged(self, news: Facts) -> Facts:
        """Return both together: commutative, associative, idempotent."""
        values = {}
        for name in (*EVENTS, "limit"):
            known = [day for day in (getattr(self, name), getattr(news, name)) if day]
            values[name] = (max if name == "open" else min)(known, default=None)
        return Facts(**values)

    @property
    def is_open(self) -> bool:
        """Whether the order still waits to be shipped, as far as is known."""
        return bool(self.open) and not (self.shipped or self.delivered or self.cancelled or self.fba)

    @property
    def latest(self) -> date:
        """The last day that is known of: it is not earlier than that, whatever a clock says."""
        past = (getattr(self, field.name) for field in fields(self) if field.name not in ("invoice_due", "limit"))
        return max((day for day in past if day), default=date.min)


def counted_from(facts: Facts, figures: Figures) -> tuple[date, str]:
    """Return the day from which ``figures.days`` count, and the rule that names it.

    :raise ValueError: the day of the order is not known
    """
    if facts.created is None:
        raise ValueError("The clock of an order starts with its day.")
    if facts.shipped:
        shipped = max(facts.shipped, facts.created)
        if figures.anchor == "delivery" and facts.delivered and facts.delivered >= shipped:
            return facts.delivered, "delivered"
        return shipped, "shipped"
    waited = max(facts.created, min(facts.open or facts.created, facts.created + timedelta(days=figures.open_days)))
    if facts.delivered:
        # shipped on a day that nobody told us: not before the last day on which it waited, which is the earliest
        if figures.anchor == "delivery":
            return max(facts.delivered, facts.created), "delivered"
        return max(facts.created, min(waited, facts.delivered)), "shipped"
    return waited, ("open" if waited > facts.created else "created")


def deadline(facts: Facts, figures: Figures) -> tuple[date, str]:
    """Return the day on which the data is dead, and the rule that set it (see the module).

    :raise ValueError: the day of the order is not known
    """
    start, rule = counted_from(facts, figures)
    stop = start + timedelta(days=figures.days)
    if facts.limit and facts.limit <= stop:
        stop, rule = facts.limit, "altered"
    ends = [(day, name) for name in ("cancelled", "fba") if (day := getattr(facts, name))]
    if not ends:
        return stop, rule
    end, why = min(ends)
    if facts.invoice_due:
        owed = NO_LIMIT if facts.invoice_due >= NO_LIMIT else facts.invoice_due + timedelta(days=1)
        issued = facts.invoiced + timedelta(days=1) if facts.invoiced else NO_LIMIT
        if min(owed, issued) > end:
            end, why = min((owed, "invoice"), (issued, "invoiced"))
            if end > stop:
                end, why = stop, "invoice"
    return min((end, why), (stop, rule), key=lambda found: found[0])


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with a subject now.

    :param day: its deadline from now on
    :param rule: why
    :param erase: it is over: forget the person at once
    :param rotate: dumps hold the person under keys that live longer than the data may: see :func:`stale_buckets`
    """

    day: date
    rule: str
    erase: bool
    rotate: bool


def step(current: tuple[date, str], facts: Facts, figures: Figures, today: date, held: bool = False) -> Step:
    """Return where a live subject belongs.

    :param current: deadline and rule that it is sealed under
    :param today: the company's day
    :param held: whether a legal hold keeps it
    """
    day, rule = deadline(facts, figures)
    before, before_rule = current
    if day > today:
        return Step(day, rule, erase=False, rotate=day < before)
    if not held:
        return Step(day, rule, erase=True, rotate=before > today)
    # one day at a time, so that each dump loses it within a day; a clock that was put back moves nothing back
    held_until = today + timedelta(days=1)
    if before_rule == "held":
        held_until = max(held_until, before)
    return Step(held_until, "held", erase=False, rotate=held_until < before)


class Buckets(NamedTuple):
    """The days after ``after``, up to and with ``last``."""

    after: date
    last: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.after < day <= self.last


def stale_buckets(first: date, before: date, day: date, today: date) -> Buckets:
    """Return the buckets whose keys must be replaced when a subject's deadline becomes earlier.

    A subject whose deadline was extended lies in old dumps under each of its former keys. Those that die by the new
    deadline may stay; each later one opens a dump for longer than the data may live.

    :param first: the earliest bucket that the subject was ever sealed into
    :param before: its deadline so far
    :param day: its deadline from now on
    """
    return Buckets(max(day, today, first - timedelta(days=1)), before)


def is_over(day: date, today: date) -> bool:
    """Tell whether data with this deadline is dead today."""
    return day <= today
