from __future__ import annotations

from odoo import fields, models

from ..mapping import tax_numbers
from ..mapping.incoming import Incoming


class SpapiOrder(models.Model):
    """Another VAT number of the buyer: checked anew, asked anew at VIES, and the taxes decided anew.

    Amazon brings it with another address or tax registration, or a person corrects it. The number itself is sealed;
    what is known here is that it is another one.
    """

    _inherit = "spapi.order"

    has_vat = fields.Boolean(string="With VAT Number", readonly=True, help="The buyer gave a VAT number; it is sealed.")
    vat_check = fields.Selection(
        [("valid", "Valid"), ("invalid", "Not valid"), ("not_checked", "Cannot be checked")],
        string="VAT Number",
        readonly=True,
        help="Form and check digits of the buyer's tax number, checked without asking anybody; the number is sealed.",
    )
    vat_changed = fields.Boolean(
        readonly=True, help="The buyer's VAT number changed, and the sale order's taxes were not decided anew yet."
    )

    # === CHECKING === #

    def _vat_values(self, incoming: Incoming, other: bool) -> dict:
        """What the number that came with an order (possibly not created yet) decides, while it is here in the open.

        :param other: the number that the vault held was another one
        """
        number = incoming.split.personal.get("fiscal", {}).get("vat", "")
        country = incoming.order.country_code if incoming.order else ""
        if not self:
            return self._checked(number, country) if number else {}
        # without a prefix it is the number of the country that the address lies in
        moved = bool(number and country and self.country_id) and country != self.country_id.code
        if other or moved or (number and not self.has_vat):
            return self._other_number_values(number, country or self.country_id.code or "")
        return self._checked(number, country) if number and not self.vat_check else {}

    def _other_number_values(self, number: str, country: str) -> dict:
        """Columns of an order whose buyer has another number: what was said of the former one is forgotten."""
        values = {**self._checked(number, country), **self._vies_unasked()}
        if self.sale_order_id:
            return {**values, "vat_changed": True, "follow_up": True}
        return {**values, "fiscal_reason": False}

    def _checked(self, number: str, country: str) -> dict:
        return {"has_vat": bool(number), "vat_check": tax_numbers.check(number, country) if number else False}

    def _take_corrected_number(self, number: str) -> None:
        """A person has corrected the number of the buyer of these orders (sudo); the import's next run follows it."""
        for order in self:
            order.write(order._other_number_values(number, order.country_id.code or ""))
        self.filtered("sale_order_id").account_id._trigger_import()

    # === DECIDING ANEW === #

    def _follow_numbers(self, account, outcomes: dict) -> None:
        """Say of these orders whose buyer has another number and whose taxes stay as they are that they do. The taxes
        of the others are decided anew with their lines (:meth:`_follow_lines`)."""
        for order in self.filtered("vat_changed"):
            order._forget_vies_warnings()
            if why := order._why_taxes_stay(account):
                order.vat_changed = False
                outcomes[order].notes.append(f"{order._number_text()} {why}")
                order._warn_on_sale_order(self.env._("The buyer's VAT number changed"), why)

    def _why_taxes_stay(self, account) -> str:
        """Why a person must decide about the taxes; "" where nobody need to."""
        _ = self.env._
        # sudo: invoices decide, whoever asks
        if any(invoice.state != "cancel" for invoice in self.sudo().sale_order_id.invoice_ids):
            return _(
                "The sale is invoiced, so its taxes were left as they are: ask your accountant whether the invoice must"
                " be credited and made anew."
            )
        if not account.follow_changes:
            return _(
                "The account does not follow changes by itself, so the taxes were left as they are: choose the fiscal"
                " position on the sale order and update its taxes, if they are others now."
            )
        return ""

    def _number_text(self) -> str:
        """That the number changed, and what its form says; never the number."""
        _ = self.env._
        return {
            "valid": _("The buyer's VAT number changed; by form and check digits it is valid."),
            "invalid": _("The buyer's VAT number changed; by form and check digits it is not valid."),
            "not_checked": _("The buyer's VAT number changed; its form cannot be checked."),
        }.get(self.vat_check, _("The buyer has no VAT number any more."))

    def _keep_decided(self, account, mapper, values: dict, outcome) -> None:
        """The taxes were decided anew, and are the same: fiscal position and reason follow."""
        self._apply_line_changes(account, [], values)
        self.write(mapper.fiscal[self.id])
        outcome.notes.append(f"{self._number_text()} {self.env._('The taxes stay the same.')}")
