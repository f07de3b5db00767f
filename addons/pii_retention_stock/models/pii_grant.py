from odoo import fields, models
from odoo.fields import Domain


class PiiGrant(models.Model):
    _inherit = "pii.grant"

    warehouse_id = fields.Many2one(
        "stock.warehouse",
        tracking=True,
        check_company=True,
        help="Labels and slips of deliveries that this warehouse ships; empty for all of the company.",
    )

    def _scope_fields(self):
        return super()._scope_fields() | {"warehouse_id"}

    def _terms(self):
        # sudo: as in the original
        return super()._terms() | {"warehouse": self.sudo().warehouse_id.id}

    def _subject_domain(self, env):
        """A role assignment for labels covers the subjects of deliveries to ship; in its warehouse, if it names one."""
        domain = super()._subject_domain(env)
        if self.purpose != "label" or (self.kind != "standing" and not self.warehouse_id):
            return domain
        reprint_days = env["pii.policy"]._figures(self.company_id.id)["reprint_days"]
        deliveries = Domain(
            [
                ("company_id", "=", self.company_id.id),
                ("picking_type_code", "!=", "incoming"),
                "|",
                ("state", "not in", ("draft", "done", "cancel")),
                "&",
                ("state", "=", "done"),
                ("date_done", ">=", f"-{reprint_days}d"),
            ]
        )
        if self.warehouse_id:
            deliveries &= Domain("picking_type_id.warehouse_id", "=", self.warehouse_id.id)
        # sudo: what is to be shipped is a fact about the order, whoever may read deliveries
        pickings = env["stock.picking"].sudo()._search(deliveries)
        return domain & Domain("partner_ids", "any!", [("id", "in", pickings.subselect("partner_id"))])
