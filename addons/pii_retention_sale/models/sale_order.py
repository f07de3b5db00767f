from odoo import models
from odoo.exceptions import AccessError

SALESMAN = "sales_team.group_sale_salesman"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def write(self, vals):
        given = {vals.get(name) for name in ("partner_id", "partner_shipping_id", "partner_invoice_id")} - {None, False}
        # Odoo lets the warehouse write orders: another order's customer put into one would become one to deliver to
        if given and not self.env.su and not self.env.user.has_group(SALESMAN):
            protected = self.env["res.partner"].sudo().browse(given).filtered("pii_subject_id")  # sudo: only whether
            if any(protected - order.partner_id - order.partner_shipping_id for order in self.sudo()):
                raise AccessError(
                    self.env._("Only a salesperson makes a protected customer the customer of another order.")
                )
        return super().write(vals)

    def _action_cancel(self):
        # EXTENDS sale: nobody needs the customer of an order that is not going to be shipped
        result = super()._action_cancel()
        self.filtered(lambda order: order.state == "cancel")._tell_clock_cancelled()
        return result

    def _tell_clock_cancelled(self):
        """Tell the clock about customers all of whose orders are cancelled, and to whom nothing was shipped."""
        if not self:
            return
        for subject in self._pii_subjects().sudo():  # sudo: what became of an order is no personal data
            partners = subject.with_context(active_test=False).partner_ids
            alive = self.sudo().search_count(
                [
                    ("state", "!=", "cancel"),
                    "|",
                    ("partner_id", "in", partners.ids),
                    ("partner_shipping_id", "in", partners.ids),
                ],
                limit=1,
            )
            if not alive and not subject.shipped_on:
                subject._record("cancelled")
