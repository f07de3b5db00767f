"""The figures of a policy: what each may be, which way is stricter, and which clause it comes from.

The strict value of a figure is the strictest of three sources: S1 (the policy of an integrator), S2 (the policy of an
Italian seller) and DPP (Amazon's Data Protection Policy). Clauses are numbered by document, section and sentence.

A figure is a column of ``pii.policy`` of the same name, or built in (``direction`` ``fixed``): the software knows no
other value. ``least`` and ``most`` are bounds that nobody may pass, whoever approves it; ``bound`` says whose they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from .catalogue import FIGURES
from .figure import Figure, Value

#: Topics in the order of the screen, with their headings.
TOPICS = (
    ("retention", "Retention and erasure"),
    ("access", "Access to personal data"),
    ("signin", "Signing in"),
    ("duties", "Recurring duties"),
    ("incidents", "Incidents and weaknesses"),
    ("evidence", "Registers and evidence"),
)
#: ``lower`` and ``higher``: which numbers are stricter; ``yes``: only True is; ``first``: the earlier choice is;
#: ``zone``: the day that ends earlier is; ``fixed``: built in.
DIRECTIONS = ("lower", "higher", "yes", "first", "zone", "fixed")
#: ``{name: figure}`` in the order of the screen.
CATALOGUE: dict[str, Figure] = {
    figure.name: figure for topic, _label in TOPICS for figure in FIGURES if figure.topic == topic
}


def is_looser(figure: Figure, value: Value, than: Value) -> bool:
    """Tell whether ``value`` protects less than ``than``; nothing is looser than None."""
    if than is None or value == than:
        return False
    match figure.direction:
        case "lower":
            return value > than
        case "higher":
            return value < than
        case "yes":
            return bool(than) and not value
        case "first":
            return figure.choices.index(value) > figure.choices.index(than)
        case "zone":
            return any(ours < theirs for ours, theirs in zip(_offsets(value), _offsets(than), strict=True))
    return True


def stricter(figure: Figure, one: Value, other: Value) -> Value:
    """Return the one that protects more; ``one`` where neither does."""
    return other if is_looser(figure, one, other) else one


def is_possible(figure: Figure, value: Value) -> bool:
    """Tell whether ``value`` is within the bounds that nobody may pass."""
    if figure.direction in ("lower", "higher"):
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and (figure.least is None or value >= figure.least)
            and (figure.most is None or value <= figure.most)
        )
    if figure.direction == "first":
        return value in figure.choices
    if figure.direction == "zone":
        return bool(value)
    return isinstance(value, bool) and figure.direction == "yes"


def as_text(value: Value) -> str:
    """Return the one text of a value, as the history keeps it."""
    return "" if value is None else str(value)


def from_text(figure: Figure, text: str) -> Value:
    """Return the value that :func:`as_text` wrote.

    :raise ValueError: it did not
    """
    if figure.direction in ("lower", "higher"):
        return int(text)
    if figure.direction == "yes":
        if text not in ("True", "False"):
            raise ValueError("neither True nor False")
        return text == "True"
    return text


def _offsets(zone: str) -> tuple[float, float]:
    """Return the offsets from UTC of a zone in winter and in summer, in seconds."""
    year = datetime.now(UTC).year
    moments = (datetime(year, 1, 15, 12, tzinfo=UTC), datetime(year, 7, 15, 12, tzinfo=UTC))
    return tuple(moment.astimezone(ZoneInfo(zone)).utcoffset().total_seconds() for moment in moments)
