from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL


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

    @api.model
    def _scope_sql(self, grant, alias):
        """A role assignment for labels covers the subjects of deliveries to ship; in its warehouse, if it names one.

        Deliveries that the user made by hand open nothing: they would be leave that he gives himself.
        """
        condition = super()._scope_sql(grant, alias)
        warehouse = grant.scope["warehouse_id"]
        if grant.purpose != "label" or (grant.kind != "standing" and not warehouse):
            return condition
        reprint = fields.Datetime.now() - timedelta(days=self.env["pii.policy"]._figures(grant.company)["reprint_days"])
        picking = self.env["stock.picking"]._fields
        return SQL(
            """%s AND EXISTS (
                SELECT FROM res_partner p
                  JOIN stock_picking d ON %s = p.id
                  JOIN stock_picking_type t ON t.id = d.picking_type_id
                 WHERE %s = %s AND d.company_id = %s AND t.code != 'incoming' AND %s
                   AND (%s NOT IN ('draft', 'done', 'cancel') OR d.state = 'done' AND %s >= %s)
                   AND %s)""",
            condition,
            SQL.identifier("d", "partner_id", to_flush=picking["partner_id"]),
            SQL.identifier("p", "pii_subject_id", to_flush=self.env["res.partner"]._fields["pii_subject_id"]),
            SQL.identifier(alias, "id"),
            grant.company,
            SQL("t.warehouse_id = %s", warehouse) if warehouse else SQL("true"),
            SQL.identifier("d", "state", to_flush=picking["state"]),
            SQL.identifier("d", "date_done", to_flush=picking["date_done"]),
            reprint,
            self.env["stock.picking"]._pii_ordered_sql("d", grant.user),
        )
