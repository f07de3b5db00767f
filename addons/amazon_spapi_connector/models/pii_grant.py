from odoo import api, models


class PiiGrant(models.Model):
    _inherit = "pii.grant"

    @api.model
    def _service_identities(self):
        # EXTENDS pii_retention: the import decides taxes by address and VAT number under an identity of its own.
        return super()._service_identities() | {"amazon_spapi_connector.user_service": ("import_decision",)}
