from odoo import models


class StockReturnPicking(models.TransientModel):
    _inherit = "stock.return.picking"

    def _get_proc_values(self, line):
        # EXTENDS stock: Odoo asks for the goods of an exchange as if the sale order had become larger by them
        values = super()._get_proc_values(line)
        if line.move_id.sale_line_id.spapi_line_id:
            values["spapi_exchange"] = True
        return values
