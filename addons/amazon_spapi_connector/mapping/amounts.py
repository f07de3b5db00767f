"""Money that must come out to the smallest coin: sums that do not add up by name, and sums that are spread.

Pure arithmetic on :class:`decimal.Decimal`; no float ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about the money of an order that is not as it must be.

    :param code: ``tax_missing``, ``tax_zero``, ``tax_not_found``, ``tax_not_single``, ``item_mismatch``,
        ``total_mismatch``, ``money_missing``, ``money_negative``, ``money_fraction``, ``currency_unknown``,
        ``currency_inactive``, ``currency_without_rate``
    :param item_id: the item concerned, "" for the whole order
    :param kind: Amazon's word for the part (``SHIPPING``), or ``TOTAL`` for a sum
    :param expected: what Amazon states
    :param found: what its parts give
    """

    code: str
    item_id: str = ""
    kind: str = "TOTAL"
    expected: Decimal | None = None
    found: Decimal | None = None


class PriceProblem(Exception):
    """The amounts contradict each other, or something needed is missing: all differences of the order at once."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        self.differences = tuple(differences)
        super().__init__(self.code)

    @property
    def code(self) -> str:
        """Code of the first difference."""
        return self.differences[0].code


def problem(
    code: str, item_id: str = "", kind: str = "TOTAL", expected: Decimal | None = None, found: Decimal | None = None
) -> PriceProblem:
    """A problem of one difference, see :class:`Difference`."""
    return PriceProblem([Difference(code, item_id, kind, expected, found)])


def spread(total: Decimal, weights: Mapping[str, Decimal], unit: Decimal) -> dict[str, Decimal]:
    """`total` shared out in proportion to `weights`, each share a whole number of `unit`, their sum `total` exactly.

    What is left after rounding down goes to those who lost most by it, the first of equals first. Weights of which
    nothing is left in sum give everything to the first key.

    :param unit: smallest amount of the currency (0.01, for JPY 1); a `total` that is no multiple of it keeps its rest
        on the first key
    """
    keys = list(weights)
    if not keys:
        if total:
            raise ValueError("there is nobody to share the amount")
        return {}
    whole = sum(weights.values(), ZERO)
    if not whole:
        return {key: total if index == 0 else ZERO for index, key in enumerate(keys)}
    exact = {key: total * weights[key] / whole for key in keys}
    shares = {key: (value / unit).to_integral_value(ROUND_FLOOR) * unit for key, value in exact.items()}
    rest = total - sum(shares.values(), ZERO)
    units = int(rest / unit)
    for key in sorted(keys, key=lambda key: shares[key] - exact[key])[:units]:
        shares[key] += unit
    shares[keys[0]] += rest - units * unit
    return shares
