"""A database with protected customers' whole life in it, and one ordinary customer whom the same probes must find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from canary import Canary, Scanner, as_plant, make_canaries

from support.odoo import Database
from support.sandbox import Sandbox

from .. import scenario

ORDERS = 3

#: Ship, invoice, attach: for the imported orders and for an ordinary customer. ``result`` is ``{model: ids}`` twice.
LIFE = """
import base64
from odoo import fields

board = env["product.product"].search([("is_storable", "=", True)], limit=1)
plain = env["res.partner"].create({
    "name": v["name"], "company_name": v["company_name"], "street": v["street"], "street2": v["street2"],
    "zip": v["zip"], "city": v["city"], "phone": v["phone"], "email": v["email"], "vat": v["vat"],
    "country_id": env.ref("base.it").id, "comment": v["gift_text"],
})
control = env["sale.order"].create({
    "partner_id": plain.id, "order_line": [(0, 0, {"product_id": board.id, "product_uom_qty": 1})],
    "note": v["delivery_note"], "client_order_ref": "CONTROL-1",
})
control.action_confirm()
protected = env["sale.order"].search([("partner_id.pii_subject_id", "!=", False)], order="id")
assert len(protected) == orders, protected

def live(sales):
    pickings = sales.picking_ids
    for move in pickings.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
    pickings.with_context(skip_backorder=True, skip_sms=True).button_validate()
    sales.order_line.filtered("product_id").product_id.invoice_policy = "order"
    env.invalidate_all()
    moves = sales._create_invoices(grouped=True)
    moves.action_post()
    partners = sales.partner_id | sales.partner_shipping_id | sales.partner_invoice_id
    assert pickings and moves, (sales.mapped("state"), pickings, moves)
    files = env["ir.attachment"]
    for record in (partners[0], sales[0], pickings[0], moves[0]):
        files += env["ir.attachment"].create({
            "name": "address.txt", "raw": text.encode(), "mimetype": "text/plain",
            "res_model": record._name, "res_id": record.id,
        })
    for record in (sales[0], pickings[0], moves[0], partners[0]):
        # what a person types is stored as typed: only the control says in its chatter who it is
        body = "A note of the shop." if sales == protected else text
        record.message_post(body=body, attachments=[("note.txt", text.encode())])
    records = [partners, partners.pii_subject_id, sales, sales.order_line, pickings, pickings.move_ids, moves,
               moves.line_ids, env["spapi.order"].search([("sale_order_id", "in", sales.ids)])]
    found = {"res.partner": partners.ids}
    for some in records:
        found[some._name] = some.ids
    found["spapi.order.line"] = env["spapi.order.line"].search([("order_id", "in", found["spapi.order"])]).ids
    messages = env["mail.message"].search([
        "|", "|", "|", "|",
        "&", ("model", "=", "sale.order"), ("res_id", "in", sales.ids),
        "&", ("model", "=", "stock.picking"), ("res_id", "in", pickings.ids),
        "&", ("model", "=", "account.move"), ("res_id", "in", moves.ids),
        "&", ("model", "=", "res.partner"), ("res_id", "in", partners.ids),
        "&", ("model", "=", "spapi.order"), ("res_id", "in", found["spapi.order"]),
    ])
    found["mail.message"] = messages.ids
    found["mail.tracking.value"] = messages.sudo().tracking_value_ids.ids
    found["ir.attachment"] = (files | messages.attachment_ids).ids
    return found

text = "\\n".join(v.values())
theirs = live(control)
text = "\\n".join(p.values())
ours = live(protected)
sealed = env["ir.attachment"].browse(ours["ir.attachment"])
assert all(sealed.mapped("pii_subject_id")), sealed.mapped("res_model")
for records in (protected, control):
    for record in records:
        record._portal_ensure_token()
tokens = {sale.id: sale.access_token for sale in protected | control}
result = {"protected": ours, "control": theirs, "tokens": tokens}
"""


@dataclass
class World:
    """What was planted, and where it is."""

    database: Database
    buyers: list[dict[str, Canary]]
    control: dict[str, Canary]
    protected_ids: dict[str, list[int]] = field(default_factory=dict)
    control_ids: dict[str, list[int]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def canaries(self) -> list[Canary]:
        """Every value that nobody may see."""
        return [canary for person in self.buyers for canary in person.values()]


def values(person: dict[str, Canary]) -> dict[str, str]:
    """``{field: planted text}`` of one person."""
    return {name: canary.value for name, canary in person.items()}


def build(database: Database, sandbox: Sandbox) -> World:
    """Import planted orders, ship and invoice them, attach files, and do the same for an ordinary customer."""
    *buyers, control = make_canaries(seed=73, n=ORDERS + 1)
    ids = sandbox.generate(scenario.MARKETPLACES, ORDERS, case="fbm_unshipped", seed=5)
    for order, person in zip(ids, buyers, strict=True):
        sandbox.control("POST", "plant", {"orders": [order], "values": as_plant(person)})
    scenario.unthrottled(sandbox)
    scenario.connect(database, sandbox)
    scenario.add_products(database, sandbox)
    answer = database.python(scenario.IMPORT)
    assert answer["state"] == "connected", answer
    found: dict[str, Any] = database.python(LIFE, v=values(control), p=values(buyers[0]), orders=ORDERS)
    return World(database, buyers, control, found["protected"], found["control"], found["tokens"])


def scanner(people: list[dict[str, Canary]]) -> Scanner:
    """Something that finds these people in any answer."""
    return Scanner([canary for person in people for canary in person.values()])
