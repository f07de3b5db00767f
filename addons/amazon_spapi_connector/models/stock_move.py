from odoo import api, fields, models


class StockMove(models.Model):
    _inherit = "stock.move"

    spapi_exchange = fields.Boolean(
        string="Exchange of an Amazon Order",
        readonly=True,
        help="Goes out instead of what came back. Amazon counts what it replaces, once.",
    )

    @api.model
    def _prepare_merge_moves_distinct_fields(self):
        # EXTENDS stock: what is still to be shipped of the order stays apart from what is sent once more
        return [*super()._prepare_merge_moves_distinct_fields(), "spapi_exchange"]

    def _prepare_procurement_values(self):
        # EXTENDS stock: the operations before the last one are for the exchange, too
        values = super()._prepare_procurement_values()
        if self.spapi_exchange:
            values["spapi_exchange"] = True
        return values
