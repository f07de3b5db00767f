from __future__ import annotations

from odoo import models
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tools import float_compare

from ..mapping.fulfilment import cancelled_quantity, shipped_quantities
from .spapi_order_cancellation import QUIET

SHIPPED_ELSEWHERE = {**QUIET, "spapi_shipped_elsewhere": True, "tracking_disable": True, "skip_sms": True}
MAX_STEPS = 5
"""A delivery goes through at most so many operations: pick, pack, ship, and what a route adds to them."""


class SpapiOrder(models.Model):
    """What Amazon says has left, leaves Odoo's stock: the difference to what Odoo has delivered, whoever shipped it."""

    _inherit = "spapi.order"

    def _follow_shipments(self, account, outcomes: dict) -> None:
        """Deliver the differences of these orders, all of them together."""
        by_amazon, by_seller = {}, {}
        for order in self:
            outcome = outcomes[order]
            if outcome.state == "exception" or outcome.later:
                continue
            shipped = shipped_quantities(outcome.parsed)
            missing = order._missing_deliveries(shipped)
            order._give_up_cancelled_items(account, outcome, shipped)
            if not missing:
                continue
            if order.sale_order_id.state != "sale":
                text = self.env._(
                    "Amazon says that this order was shipped. Confirm %s; its delivery follows by itself.",
                    order.sale_order_id.name,
                )
                outcome.stop("not_confirmed", text)
            elif order.fulfilled_by == "AMAZON":
                by_amazon[order] = missing
            elif account.shipped_elsewhere == "deliver" or self.env.context.get("spapi_deliver_anyway"):
                by_seller[order] = missing
            else:
                text = self.env._(
                    "Amazon says that these were shipped, and Odoo has not delivered them: %s. Deliver them, or choose"
                    " “Deliver as Amazon says”.",
                    _listed(missing),
                )
                outcome.stop("shipped_elsewhere", text)
        if by_amazon:
            self._deliver_from_amazon(account, by_amazon, outcomes)
        if by_seller:
            self._deliver_from_warehouse(account, by_seller, outcomes)

    # === DIFFERENCES === #

    def _missing_deliveries(self, shipped: dict[str, int]) -> dict:
        """``{sale order line: quantity}``, in the line's unit, that Amazon shipped and Odoo has not delivered."""
        self.ensure_one()
        result = {}
        for line in self.sale_order_id.order_line:
            item = line.spapi_line_id
            if not item.quantity or not shipped.get(item.item_id) or line.product_id.type != "consu":
                continue
            target = shipped[item.item_id] * line.product_uom_qty / item.quantity
            missing = target - line._spapi_quantity_gone()
            if float_compare(missing, 0, precision_rounding=line.product_uom_id.rounding) > 0:
                result[line] = missing
        return result

    def _give_up_cancelled_items(self, account, outcome, shipped: dict[str, int]) -> None:
        """Take out of the open deliveries what was cancelled of an item; its line keeps what Amazon bills for it."""
        self.ensure_one()
        items = {parsed.item_id: parsed for parsed in outcome.parsed.lines}
        for line in self.sale_order_id.order_line.filtered("spapi_line_id"):
            parsed = items.get(line.spapi_line_id.item_id)
            cancelled = cancelled_quantity(parsed, shipped[parsed.item_id]) if parsed else 0
            if not cancelled:
                continue
            target = line.product_uom_qty * shipped[parsed.item_id] / (parsed.quantity or 1)
            surplus = line._spapi_surplus(target - line._spapi_quantity_gone())
            if not surplus:
                continue
            words = {"quantity": cancelled, "sku": parsed.sku or parsed.item_id}
            if not account.follow_changes or _is_begun(surplus):
                text = self.env._("Amazon cancelled %(quantity)d × %(sku)s. Take it out of the delivery.", **words)
                outcome.stop("changed_after_import", text)
                continue
            _shrink(account._as_service().env, surplus)
            note = self.env._("Amazon cancelled %(quantity)d × %(sku)s; it was taken out of the delivery.", **words)
            outcome.notes.append(note)

    # === AMAZON'S STOCK === #

    def _deliver_from_amazon(self, account, wanted: dict, outcomes: dict) -> None:
        """Make and validate one delivery per order, from the FBA location of its marketplace's region."""
        codes = {order.marketplace_id.code for order in wanted}
        stocks = self.env["spapi.fba.location"]._ensure(account, codes)
        service = account._as_service().env
        Picking = service["stock.picking"].with_context(**SHIPPED_ELSEWHERE, mail_create_nolog=True)
        pickings = Picking.create(
            [
                self._fba_delivery_values(order, missing, stocks[order.marketplace_id.code])
                for order, missing in wanted.items()
            ]
        )
        pickings.action_confirm()
        # Lots that were put on the location's stock go first; where there are none, Amazon's word is enough.
        pickings.move_ids.filtered(lambda move: move.product_id.tracking != "none")._action_assign()
        _set_quantities((move, move.product_uom_qty) for move in pickings.move_ids)
        pickings.move_ids.picked = True
        pickings._action_done()
        for order, picking in zip(wanted, pickings, strict=True):
            note = self.env._("Amazon shipped %(what)s (%(name)s).", what=_listed(wanted[order]), name=picking.name)
            outcomes[order].notes.append(note)

    def _fba_delivery_values(self, order, missing: dict, stock) -> dict:
        sale_order = order.sale_order_id
        partner = sale_order.partner_shipping_id
        places = {
            "location_id": stock.location_id.id,
            "location_dest_id": partner.with_company(order.company_id).property_stock_customer.id,
            "picking_type_id": stock.delivery_type_id.id,
            "company_id": order.company_id.id,
            "origin": sale_order.name,
        }
        return {
            **places,
            "partner_id": partner.id,
            "move_ids": [
                Command.create(
                    {
                        **places,
                        "product_id": line.product_id.id,
                        "product_uom": line.product_uom_id.id,
                        "product_uom_qty": quantity,
                        "sale_line_id": line.id,
                        "partner_id": partner.id,
                    }
                )
                for line, quantity in missing.items()
            ],
        }

    # === THE SELLER'S STOCK === #

    def _deliver_from_warehouse(self, account, wanted: dict, outcomes: dict) -> None:
        """Validate the open deliveries as far as Amazon says that the goods have left, step by step."""
        service = account._as_service().env
        lines = {line: order for order, missing in wanted.items() for line in missing}
        names = {order: set() for order in wanted}
        left = {line: quantity for missing in wanted.values() for line, quantity in missing.items()}
        for _step in range(MAX_STEPS):
            chosen = {}
            for line, quantity in left.items():
                chosen |= line._spapi_moves_for(quantity)
            if not chosen:
                break
            moves = service["stock.move"].browse(move.id for move in chosen).with_context(**SHIPPED_ELSEWHERE)
            _set_quantities(zip(moves, chosen.values(), strict=True))
            others = moves.picking_id.move_ids - moves
            others.filtered("picked").picked = False
            moves.picked = True
            moves.picking_id._action_done()
            for move in moves:
                names[lines[move.sale_line_id]].add(move.picking_id.name)
            left = self._still_missing(wanted, outcomes)
            if not left:
                break
        for order, missing in wanted.items():
            open_lines = {line: left[line] for line in missing if line in left}
            if open_lines:
                text = self.env._(
                    "Amazon says that these were shipped, and Odoo has no open delivery of them: %s. Deliver them by"
                    " hand, or correct the order, then retry.",
                    _listed(open_lines),
                )
                outcomes[order].stop("not_delivered", text)
            if names[order]:
                self._keep_tracking(order, outcomes[order].parsed)
                gone = {line: quantity - open_lines.get(line, 0) for line, quantity in missing.items()}
                note = self.env._(
                    "Amazon says that %(what)s left; delivered here too (%(names)s).",
                    what=_listed({line: quantity for line, quantity in gone.items() if quantity > 0}),
                    names=", ".join(sorted(names[order])),
                )
                outcomes[order].notes.append(note)

    @staticmethod
    def _still_missing(wanted: dict, outcomes: dict) -> dict:
        result = {}
        for order in wanted:
            result |= order._missing_deliveries(shipped_quantities(outcomes[order].parsed))
        return result

    def _keep_tracking(self, order, parsed) -> None:
        """The tracking numbers that Amazon knows and no delivery has yet go to the deliveries that have none."""
        pickings = order.sale_order_id.picking_ids
        known = ", ".join(filter(None, pickings.mapped("carrier_tracking_ref"))).split(", ")
        numbers = [package.tracking_number for package in parsed.packages if package.tracking_number]
        numbers = [number for number in dict.fromkeys(numbers) if number not in known]
        bare = pickings.filtered(
            lambda picking: (
                picking.state == "done"
                and picking.picking_type_code == "outgoing"
                and not picking.carrier_tracking_ref
                and not all(picking.move_ids.mapped("spapi_exchange"))
            )
        )
        if numbers and bare:
            bare.with_context(**SHIPPED_ELSEWHERE).carrier_tracking_ref = ", ".join(numbers)

    def action_deliver_as_amazon_says(self) -> dict:
        """Validate in Odoo what Amazon says was shipped, where the account leaves that to a person."""
        self.check_access("read")
        if not self.env.user.has_group("amazon_spapi_connector.group_user"):
            raise AccessError(self.env._("Delivering what Amazon reports takes the role of an Amazon user."))
        self._as_service().with_context(spapi_deliver_anyway=True)._follow_news()
        return {"type": "ir.actions.client", "tag": "soft_reload"}


def _set_quantities(moves) -> None:
    """Say what is done of each move; of all that are alike together.

    :param moves: pairs of a move and a quantity in its unit
    """
    alike: dict[float, list] = {}
    for move, quantity in moves:
        alike.setdefault(quantity, []).append(move)
    for quantity, group in alike.items():
        group[0].concat(*group[1:]).quantity = quantity


def _is_begun(surplus: dict) -> bool:
    """Whether some of these goods were picked, or stand on their way to the customer."""
    return any(
        any(move.move_line_ids.mapped("picked"))
        or any(origin.state == "done" and origin.sale_line_id == move.sale_line_id for origin in move.move_orig_ids)
        for move in surplus
    )


def _shrink(env, surplus: dict) -> None:
    """Let moves be smaller by these quantities; what is left of some of them nobody needs."""
    moves = env["stock.move"].browse(move.id for move in surplus).with_context(**QUIET)
    empty = moves.browse()
    for move, quantity in zip(moves, surplus.values(), strict=True):
        if float_compare(quantity, move.product_uom_qty, precision_rounding=move.product_uom.rounding) >= 0:
            empty += move
        else:
            move.product_uom_qty -= quantity
    empty._action_cancel()
    (moves - empty)._action_assign()


def _listed(missing: dict) -> str:
    """Quantities and products, for a person."""
    return ", ".join(
        f"{quantity:g} × {line.product_id.default_code or line.product_id.name}" for line, quantity in missing.items()
    )
