from odoo import fields, models
from odoo.tools import float_compare


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    spapi_line_id = fields.Many2one(
        "spapi.order.line", string="Amazon Line", readonly=True, copy=False, index="btree_not_null", ondelete="set null"
    )

    def _action_launch_stock_rule(self, **kwargs):
        # EXTENDS sale_stock: what Amazon ships leaves Amazon's stock when it has shipped it, and no warehouse of ours
        # sudo: who ships an order is for everybody who confirms one
        own = self.filtered(lambda line: line.order_id.sudo().spapi_order_id.fulfilled_by != "AMAZON")
        return super(SaleOrderLine, own)._action_launch_stock_rule(**kwargs)

    # === DELIVERIES === #

    def _spapi_quantity_gone(self):
        """Return what has left for the customer, in the line's unit. What came back had left all the same."""
        self.ensure_one()
        done = self.move_ids.filtered(lambda move: move.state == "done")
        if any(move.product_id != self.product_id for move in done):
            # a kit leaves in parts: Odoo knows how many are whole
            back = done.filtered("origin_returned_move_id")
            return self.product_uom_qty if back else self.qty_delivered
        gone = done.filtered(lambda move: move.location_dest_id._is_outgoing() and not move.origin_returned_move_id)
        return sum(move.product_uom._compute_quantity(move.quantity, self.product_uom_id) for move in gone)

    def _spapi_open_moves(self):
        """Return the moves that are to bring the line to its customer, the last operation first."""
        self.ensure_one()
        moves = self.move_ids.filtered(
            lambda move: move.state not in ("done", "cancel") and not move.origin_returned_move_id
        )
        return moves.sorted(lambda move: (not move.location_dest_id._is_outgoing(), -_depth(move), move.id))

    def _spapi_moves_for(self, quantity):
        """Return ``{move: quantity in its unit}`` to validate next so that ``quantity`` of the line comes to leave.

        Where goods go through several operations, those nearest to the customer go first: what they cannot bring, the
        operation before has to bring up to them.
        """
        self.ensure_one()
        moves = self._spapi_open_moves()
        if any(move.product_id != self.product_id for move in moves):
            # a kit: its parts in proportion
            share = min(1.0, quantity / (self.product_uom_qty - self._spapi_quantity_gone() or 1.0))
            return {move: move.product_uom_qty * share for move in moves if not _waits(move)}
        levels = {}
        for move in moves:
            levels.setdefault((move.location_dest_id._is_outgoing(), _depth(move)), []).append(move)
        nearest = {}
        for level in levels.values():
            chosen = {}
            for move in level:
                unit = move.product_uom
                ready = move.quantity if _waits(move) else move.product_uom_qty
                taken = min(self.product_uom_id._compute_quantity(quantity, unit), ready)
                if float_compare(taken, 0, precision_rounding=unit.rounding) > 0:
                    chosen[move] = taken
                    quantity -= unit._compute_quantity(taken, self.product_uom_id)
            if float_compare(quantity, 0, precision_rounding=self.product_uom_id.rounding) <= 0:
                return chosen
            nearest = chosen or nearest
        return nearest


def _waits(move):
    """Tell whether a move waits for another one that brings its goods."""
    return any(origin.state not in ("done", "cancel") for origin in move.move_orig_ids)


def _depth(move):
    """Return how many operations come before this one."""
    depth, before = 0, move.move_orig_ids
    while before and depth < 9:
        depth, before = depth + 1, before.move_orig_ids
    return depth
