from odoo import fields, models
from odoo.tools import float_compare, float_round


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

    # === WHAT HAS LEFT === #

    def _spapi_parts(self):
        """Return ``{product: quantity of it, in its own unit, that one of the line leaves as}``.

        That is the line's product itself; a kit leaves in parts.
        """
        self.ensure_one()
        return {self.product_id: self.product_uom_id._compute_quantity(1, self.product_id.uom_id, round=False)}

    def _spapi_quantity_gone(self):
        """Return what has left for the customer, in the line's unit.

        What came back had left all the same; what goes out instead of it is nothing more of the order.
        """
        self.ensure_one()
        parts = self._spapi_parts()
        gone = min((self._spapi_part_gone(product) / units for product, units in parts.items()), default=0.0)
        # half a kit is none
        return gone if self.product_id in parts else float_round(gone, precision_digits=0, rounding_method="DOWN")

    def _spapi_part_gone(self, product):
        """Return how much of a part has left for the customer, in the part's own unit."""
        return sum(
            _in_own_unit(move, move.quantity)
            for move in self.move_ids
            if move.product_id == product
            and move.state == "done"
            and move.location_dest_id._is_outgoing()
            and not _is_second_time(move)
        )

    def _spapi_quantity_kept(self):
        """Return what the customer has now, in the line's unit: what has left, in whatever way, less what came back."""
        self.ensure_one()
        kept = {}
        for move in self.move_ids.filtered(lambda move: move.state == "done"):
            sign = move.location_dest_id._is_outgoing() - move.location_id._is_outgoing()
            kept[move.product_id] = kept.get(move.product_id, 0.0) + sign * _in_own_unit(move, move.quantity)
        parts = self._spapi_parts()
        # some part of a kit is something of it
        return max((kept.get(product, 0.0) / units for product, units in parts.items()), default=0.0)

    # === WHAT IS TO LEAVE === #

    def _spapi_open_moves(self, product):
        """Return the moves that are to bring a part to the customer, the last operation first."""
        self.ensure_one()
        # one by one out of all of them: what is read of one move is read of those of all lines at once
        moves = [
            move
            for move in self.move_ids
            if move.product_id == product and move.state not in ("done", "cancel") and not _is_second_time(move)
        ]
        moves.sort(key=lambda move: (not move.location_dest_id._is_outgoing(), -_depth(move), move.id))
        return self.move_ids.browse(move.id for move in moves)

    def _spapi_moves_for(self, quantity):
        """Return ``{move: quantity in its unit}`` to validate next so that ``quantity`` of the line comes to leave."""
        self.ensure_one()
        result, gone = {}, self._spapi_quantity_gone()
        for product, units in self._spapi_parts().items():
            # of a kit some parts may have left already
            wanted = (gone + quantity) * units - self._spapi_part_gone(product)
            result |= self._spapi_moves_for_part(product, wanted)
        return result

    def _spapi_moves_for_part(self, product, wanted):
        """Return ``{move: quantity in its unit}`` that brings ``wanted`` of a part nearer to the customer.

        Where goods go through several operations, those nearest to the customer go first: what they cannot bring, the
        operation before has to bring up to them.
        """
        moves, rounding = self._spapi_open_moves(product), product.uom_id.rounding
        levels = {}
        for move in moves:
            levels.setdefault((move.location_dest_id._is_outgoing(), _depth(move)), []).append(move)
        nearest = {}
        for level in levels.values():
            chosen = {}
            for move in level:
                # Goods that are still to be bought or made are gone all the same; those of an earlier operation of
                # this line come first.
                waits = any(origin.state not in ("done", "cancel") for origin in move.move_orig_ids & self.move_ids)
                taken = min(wanted, _in_own_unit(move, move.quantity if waits else move.product_uom_qty))
                if float_compare(taken, 0, precision_rounding=rounding) > 0:
                    chosen[move] = _in_move_unit(move, taken)
                    wanted -= taken
            if float_compare(wanted, 0, precision_rounding=rounding) <= 0:
                return chosen
            nearest = chosen or nearest
        return nearest

    def _spapi_surplus(self, quantity):
        """Return ``{move: quantity in its unit}`` that is planned although only ``quantity`` of the line is to leave.

        It is taken where it is farthest from the customer, and from all operations that it would go through.
        """
        self.ensure_one()
        result, gone = {}, self._spapi_quantity_gone()
        for product, units in self._spapi_parts().items():
            moves = self._spapi_open_moves(product)
            last = moves.filtered(lambda move, moves=moves: not move.move_dest_ids & moves)
            planned = sum(_in_own_unit(move, move.product_uom_qty) for move in last)
            surplus = planned - max(0.0, (gone + quantity) * units - self._spapi_part_gone(product))
            for move in reversed(last):
                taken = min(surplus, _in_own_unit(move, move.product_uom_qty))
                if float_compare(taken, 0, precision_rounding=product.uom_id.rounding) > 0:
                    surplus -= taken
                    _take(result, move, taken, moves)
        return result


def _is_second_time(move):
    """Tell whether a move is of goods that had left before: they come back, or others go out in their stead."""
    return bool(move.origin_returned_move_id) or move.spapi_exchange


def _take(result, move, quantity, moves):
    """Add to ``result`` that ``quantity``, in the product's unit, goes from a move and from those of `moves` before."""
    result[move] = result.get(move, 0.0) + _in_move_unit(move, quantity)
    for origin in move.move_orig_ids & moves:
        taken = min(quantity, _in_own_unit(origin, origin.product_uom_qty))
        quantity -= taken
        if taken > 0:
            _take(result, origin, taken, moves)


def _in_own_unit(move, quantity):
    return move.product_uom._compute_quantity(quantity, move.product_id.uom_id, rounding_method="HALF-UP")


def _in_move_unit(move, quantity):
    return move.product_id.uom_id._compute_quantity(quantity, move.product_uom, rounding_method="HALF-UP")


def _depth(move):
    """Return how many operations come before this one."""
    depth, before = 0, move.move_orig_ids
    while before and depth < 9:
        depth, before = depth + 1, before.move_orig_ids
    return depth
