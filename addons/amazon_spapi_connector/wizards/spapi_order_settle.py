from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.spapi_order import _notification
from ..models.spapi_order_settled import REASONS


class SpapiOrderSettle(models.TransientModel):
    """Why Amazon orders need nobody any more."""

    _name = "spapi.order.settle"
    _description = "Settle Amazon Orders"

    order_ids = fields.Many2many("spapi.order", string="Orders", readonly=True)
    order_count = fields.Integer(compute="_compute_order_count")
    problem = fields.Text(compute="_compute_order_count", help="What is wrong with the order, if it is one.")
    differing = fields.Boolean(readonly=True, help="A comparison found that they differ from Amazon.")
    reason = fields.Selection(REASONS)

    @api.depends("order_ids")
    def _compute_order_count(self) -> None:
        for wizard in self:
            wizard.order_count = len(wizard.order_ids)
            wizard.problem = wizard.order_ids.problem if len(wizard.order_ids) == 1 else False

    def action_settle(self) -> dict:
        self.ensure_one()
        if not self.reason:
            raise UserError(self.env._("Say why first: the reason stays with the order."))
        done = self.order_ids._settle(self.reason, self.differing)
        left = len(self.order_ids) - len(done)
        message = self.env._("Orders settled: %s. Amazon's next news opens them again.", len(done))
        if left:
            message += " " + self.env._("Something has changed meanwhile about %s; look at them again.", left)
        result = _notification(message, "warning" if left else "success")
        result["params"]["next"] = {"type": "ir.actions.act_window_close"}
        return result
