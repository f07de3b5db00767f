from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    def _pii_departure_country(self):
        # EXTENDS pii_retention_account: Amazon names the place that a parcel of the seller's own left from; until it
        # does, it is the warehouse of the order. Where Amazon ships from its own stock the order does not say from
        # which country: none is better than a wrong one, which would keep a consumer's identity without a law.
        self.ensure_one()
        # sudo: which country goods leave from is no secret to whoever issues the invoice
        orders = self.sudo().invoice_line_ids.sale_line_ids.order_id.filtered("spapi_order_id")
        if not orders:
            return super()._pii_departure_country()
        departures = [order.spapi_order_id._departure_country() or order._spapi_departure_country() for order in orders]
        country = departures[0]
        return country if all(found == country for found in departures) else country.browse()
