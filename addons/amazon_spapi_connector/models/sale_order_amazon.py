from odoo import fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """What Amazon says, on the sale order. Nothing of it is stored twice, and nothing of it is about the buyer."""

    _inherit = "sale.order"

    spapi_state = fields.Selection(related="spapi_order_id.state", string="Import")
    spapi_status = fields.Selection(related="spapi_order_id.status", string="Status at Amazon")
    spapi_fulfilled_by = fields.Selection(related="spapi_order_id.fulfilled_by")
    spapi_marketplace_id = fields.Many2one(related="spapi_order_id.marketplace_id")
    spapi_programs = fields.Char(related="spapi_order_id.program_words", string="Programmes")
    spapi_ship_by = fields.Datetime(related="spapi_order_id.ship_by", string="Ship By")
    spapi_deliver_by = fields.Datetime(related="spapi_order_id.deliver_by", string="Deliver By")
    spapi_ship_risk = fields.Selection(related="spapi_order_id.ship_risk", string="Shipping")
    spapi_hours_left = fields.Float(related="spapi_order_id.hours_left", string="Working Hours Left")
    spapi_problem = fields.Text(related="spapi_order_id.problem", string="What Is Wrong")
    spapi_amount_total = fields.Monetary(related="spapi_order_id.amount_total", string="Total at Amazon")
    spapi_fiscal_reason = fields.Char(related="spapi_order_id.fiscal_reason")
    spapi_fiscal_scheme = fields.Selection(related="spapi_order_id.fiscal_scheme")
    spapi_fiscal_scheme_reason = fields.Char(related="spapi_order_id.fiscal_scheme_reason")
    spapi_fiscal_doubt = fields.Selection(related="spapi_order_id.fiscal_doubt")
    spapi_invoice_refused = fields.Boolean(
        readonly=True, copy=False, help="Odoo refused the automatic invoice; a person makes it."
    )

    def _spapi_refuse_invoice(self, error: Exception) -> None:
        """Tell the person in charge why no invoice was made; it is not tried again."""
        self.ensure_one()
        account = self.spapi_order_id.account_id
        note = error.args[0] if isinstance(error, UserError) else type(error).__name__
        self.spapi_invoice_refused = True
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._("Make the invoice of %s", self.name),
            note=self.env._("Odoo refused to make it by itself: %s", note),
            user_id=(account.user_id or self.env.ref("base.user_admin")).id,
        )
