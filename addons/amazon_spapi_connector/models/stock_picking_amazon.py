from odoo import fields, models


class StockPicking(models.Model):
    """What the warehouse must know of an Amazon order, on its delivery."""

    _inherit = "stock.picking"

    spapi_order_id = fields.Many2one(related="sale_id.spapi_order_id", string="Amazon Order")
    spapi_state = fields.Selection(related="spapi_order_id.state", string="Import")
    spapi_programs = fields.Char(related="spapi_order_id.program_words", string="Programmes")
    spapi_ship_by = fields.Datetime(related="spapi_order_id.ship_by", string="Ship By")
    spapi_ship_risk = fields.Selection(related="spapi_order_id.ship_risk", string="Shipping")
    spapi_hours_left = fields.Float(related="spapi_order_id.hours_left", string="Working Hours Left")
    spapi_problem = fields.Text(related="spapi_order_id.problem", string="What Is Wrong at Amazon")

    def action_view_spapi_order(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "spapi.order",
            # sudo: the warehouse reads Amazon's order without a right on sales
            "res_id": self.sudo().spapi_order_id.id,
            "view_mode": "form",
        }
