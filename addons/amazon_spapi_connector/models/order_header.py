"""The header of a sale order as the account's options want it. Looked up once for a batch, not once an order."""

from __future__ import annotations

PROGRAMS = {"PRIME": "tag_prime_id", "AMAZON_BUSINESS": "tag_business_id", "PREMIUM": "tag_premium_id"}
"""Amazon's programme → the option that holds its tag."""


class HeaderOptions:
    """The options of one account's orders.

    :param account: ``spapi.account`` (sudo)
    """

    def __init__(self, account) -> None:
        self.account = account
        self.rows = {row.marketplace_id.id: row for row in account.option_ids}
        self._known: dict[tuple[str, int], object] = {}

    def get(self, name: str, order):
        """The value of an option for an order: its marketplace's, else the account's."""
        key = (name, order.marketplace_id.id)
        if key not in self._known:
            row = self.rows.get(order.marketplace_id.id)
            self._known[key] = (row and row[name]) or self.account[name]
        return self._known[key]

    def values(self, order) -> dict:
        """Values for ``sale.order.create``. Nothing personal is in them."""
        values = {
            "warehouse_id": self.get("warehouse_id", order).id,
            "team_id": self.get("team_id", order).id,
            "payment_term_id": self.get("payment_term_id", order).id,
        }
        if self.get("delivery_date", order) == "ship_by":
            values["commitment_date"] = order.ship_by
        if journal := self.get("journal_id", order):
            values["journal_id"] = journal.id
        if prefix := self.get("order_prefix", order):
            # Odoo numbers a sale order by itself only if it has no name yet; one number is drawn either way.
            sequence = order.env["ir.sequence"].with_company(self.account.company_id)
            values["name"] = prefix + (sequence.next_by_code("sale.order", sequence_date=order.purchase_date) or "")
        if order.programs:
            tags = [self.get(PROGRAMS[name], order).id for name in order.programs.split(", ") if name in PROGRAMS]
            if any(tags):
                values["tag_ids"] = [(4, tag) for tag in dict.fromkeys(filter(None, tags))]
        return values

    def pricelist(self, order, currency):
        """The chosen pricelist, if it is in the order's currency."""
        pricelist = self.get("pricelist_id", order)
        return pricelist if pricelist and pricelist.currency_id == currency else None

    def to_confirm(self, orders, sales):
        """Those of `sales` (the sale orders of `orders`, in their order) that are confirmed by themselves."""
        wanted = [
            sale.id for order, sale in zip(orders, sales, strict=True) if self.get("confirmation", order) == "auto"
        ]
        return sales.browse(wanted)
