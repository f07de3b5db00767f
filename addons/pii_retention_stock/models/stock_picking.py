from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL


class StockPicking(models.Model):
    _inherit = "stock.picking"

    @api.model
    def _pii_partner_fields(self):
        # the address of one's own warehouse is no customer's
        return [name for name in super()._pii_partner_fields() if name != "warehouse_address_id"]

    @api.model
    def _pii_ordered_sql(self, alias, uid):
        """Return the condition on the table of transfers ``alias`` that user ``uid`` did not make up the delivery.

        Somebody else made it, or the one that it is a backorder of. Where sales are installed it also belongs to a
        confirmed order of that customer: people of a warehouse make deliveries, they confirm no orders.
        """
        made = SQL(
            """(%(create)s != %(uid)s OR EXISTS (
                WITH RECURSIVE origin AS (
                    SELECT o.id, o.backorder_id, o.create_uid, o.partner_id
                      FROM stock_picking o WHERE o.id = %(backorder)s AND o.partner_id = %(partner)s
                     UNION
                    SELECT o.id, o.backorder_id, o.create_uid, o.partner_id
                      FROM stock_picking o
                      JOIN origin ON o.id = origin.backorder_id AND o.partner_id = origin.partner_id)
                SELECT FROM origin WHERE origin.create_uid != %(uid)s))""",
            create=SQL.identifier(alias, "create_uid"),
            backorder=SQL.identifier(alias, "backorder_id", to_flush=self._fields["backorder_id"]),
            partner=SQL.identifier(alias, "partner_id", to_flush=self._fields["partner_id"]),
            uid=uid,
        )
        if "sale_line_id" not in self.env["stock.move"]._fields:
            return made
        return SQL(
            """(%s AND EXISTS (
                SELECT FROM stock_move m
                  JOIN sale_order_line l ON l.id = %s
                  JOIN sale_order s ON s.id = l.order_id
                 WHERE m.picking_id = %s AND %s = 'sale' AND %s IN (s.partner_id, s.partner_shipping_id)))""",
            made,
            SQL.identifier("m", "sale_line_id", to_flush=self.env["stock.move"]._fields["sale_line_id"]),
            SQL.identifier(alias, "id"),
            SQL.identifier("s", "state", to_flush=self.env["sale.order"]._fields["state"]),
            SQL.identifier(alias, "partner_id"),
        )

    def write(self, vals):
        if "partner_id" in vals and not self.env.su:
            # a delivery of somebody else would be turned into one to whoever is looked for
            target = self.env["res.partner"].sudo().browse(vals["partner_id"] or ())  # sudo: only whether protected
            if target.pii_subject_id and any(picking._pii_other_customer(target) for picking in self):
                raise AccessError(
                    self.env._(
                        "A delivery goes to the protected customer of its order. Change the order's delivery address."
                    )
                )
        return super().write(vals)

    def _pii_other_customer(self, target):
        """Tell whether ``target`` is another contact than this delivery's, and not the one of its sale order."""
        self.ensure_one()
        order = self.sudo().sale_id if "sale_id" in self._fields else None  # sudo: whom an order goes to decides
        if target == self.sudo().partner_id or (order and target == order.partner_shipping_id):
            return False
        # a salesperson changes the order's address, and that of its deliveries with it; the warehouse writes orders too
        return not (order and self.env.user.has_group("sales_team.group_sale_salesman"))

    def _action_done(self):
        # EXTENDS stock
        result = super()._action_done()
        self._tell_clock_shipped()
        return result

    def action_cancel(self):
        # EXTENDS stock: what was left over will not be shipped, so the last delivery was the last one
        result = super().action_cancel()
        self._tell_clock_shipped()
        return result

    def _tell_clock_shipped(self):
        """Tell the clock about customers to whom everything is on its way, with the day of the last delivery."""
        outgoing = self.sudo().filtered(  # sudo: what became of a delivery is no personal data
            lambda picking: picking.picking_type_code == "outgoing" and picking.state in ("done", "cancel")
        )
        if not outgoing:
            return
        for subject in outgoing._pii_subjects().sudo():
            partners = subject.with_context(active_test=False).partner_ids
            deliveries = self.sudo().search(
                [("partner_id", "in", partners.ids), ("picking_type_code", "=", "outgoing"), ("state", "!=", "cancel")]
            )
            done = deliveries.filtered(lambda picking: picking.state == "done")
            if done and done == deliveries:
                subject._record("shipped", max(done.mapped("date_done")))
