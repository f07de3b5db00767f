"""A foreign addon in which everything goes wrong while personal data is in memory, written and installed beside ours.

A carrier whose requests and errors repeat the address, documents that fail in the middle, a page for each way in
which code can fail inside a reveal. Nothing of it is hostile: this is what modules look like.
"""

from __future__ import annotations

from pathlib import Path

from .pages import CONTROLLERS

NAME = "troubles"

_FILES = {
    "__init__.py": "from . import carrier, controllers\n",
    "__manifest__.py": """{
    "name": "Troubles",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector", "pii_retention_delivery", "pii_retention_print"],
    "data": ["data.xml"],
}
""",
    "data.xml": """<?xml version="1.0" encoding="utf-8"?>
<odoo>
    <template id="broken_value"><t t-foreach="docs" t-as="o">
        <p t-out="o.partner_id.street"/><t t-set="x" t-value="int(o.partner_id.street)"/></t></template>
    <template id="broken_key"><t t-foreach="docs" t-as="o">
        <p t-out="o.partner_id.name"/><t t-set="x" t-value="{}[o.partner_id.name]"/></t></template>
    <template id="broken_method"><t t-foreach="docs" t-as="o">
        <t t-set="whole" t-value="o.partner_id.read()"/><p t-out="whole[0].nothing"/></t></template>
    <template id="broken_slip"><t t-foreach="docs" t-as="o">
        <p t-out="o.partner_id.street"/><t t-set="x" t-value="o.partner_id.street + 1"/></t></template>
    <record id="report_value" model="ir.actions.report">
        <field name="name">Broken value</field><field name="model">account.move</field>
        <field name="report_type">qweb-html</field><field name="report_name">troubles.broken_value</field>
        <field name="pii_purpose">invoice</field>
    </record>
    <record id="report_key" model="ir.actions.report">
        <field name="name">Broken key</field><field name="model">account.move</field>
        <field name="report_type">qweb-html</field><field name="report_name">troubles.broken_key</field>
        <field name="pii_purpose">invoice</field>
    </record>
    <record id="report_method" model="ir.actions.report">
        <field name="name">Broken method</field><field name="model">account.move</field>
        <field name="report_type">qweb-pdf</field><field name="report_name">troubles.broken_method</field>
        <field name="pii_purpose">invoice</field>
    </record>
    <record id="report_slip" model="ir.actions.report">
        <field name="name">Broken slip</field><field name="model">stock.picking</field>
        <field name="report_type">qweb-pdf</field><field name="report_name">troubles.broken_slip</field>
        <field name="pii_purpose">label</field>
    </record>
    <record id="action_raise" model="ir.actions.server">
        <field name="name">Fails with what it read</field>
        <field name="model_id" ref="stock.model_stock_picking"/>
        <field name="state">code</field>
        <field name="code">street = record.partner_id.street
log("parcel for %s" % street)
raise ValueError("cannot send to %s, %s" % (record.partner_id.name, street))</field>
    </record>
</odoo>
""",
    "carrier.py": """import json
import logging
from urllib.parse import urlencode

import requests

from odoo import fields, models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)
FIELDS = ("name", "street", "street2", "zip", "city", "phone", "email")


class Carrier(models.Model):
    _inherit = "delivery.carrier"

    delivery_type = fields.Selection(selection_add=[("troubled", "Troubled")], ondelete={"troubled": "set default"})

    def _troubled_call(self, partner):
        address = {name: partner[name] or "" for name in FIELDS}
        self.log_xml(json.dumps(address), "troubled")
        _logger.info("sending %s", address)
        try:
            # nobody listens there
            requests.post(f"http://127.0.0.1:9/parcels?{urlencode(address)}", json=address, timeout=2)
        except requests.RequestException as error:
            _logger.warning("no answer about %s", partner.name, exc_info=True)
            if self.tracking_url == "fails":
                raise UserError(f"No parcel for {partner.name}, {partner.street}: {error}") from error

    def troubled_rate_shipment(self, order):
        self._troubled_call(order.partner_shipping_id)
        warning = f"Remote area: {order.partner_shipping_id.city}"
        return {"success": True, "price": 5.0, "error_message": False, "warning_message": warning}

    def troubled_send_shipping(self, pickings):
        result = []
        for picking in pickings:
            partner = picking.partner_id
            label = "^XA^FO50,50^FD%s^FS^FO50,90^FD%s %s^FS^XZ" % (partner.name, partner.street, partner.city)
            picking.message_post(
                body=f"Label for {partner.name}, {partner.street}",
                attachments=[(f"label {partner.name}.zpl", label.encode())],
            )
            self._troubled_call(partner)
            result.append({"exact_price": 5.0, "tracking_number": "QX-4711"})
        return result

    def troubled_get_tracking_link(self, picking):
        return False

    def troubled_cancel_shipment(self, pickings):
        pass
""",
    "controllers.py": CONTROLLERS,
}


def write(folder: Path) -> Path:
    """Write the addon below ``folder`` and return the folder for ``addons_path``."""
    for name, text in _FILES.items():
        path = folder / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
