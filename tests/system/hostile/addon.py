"""A foreign addon that keeps whatever it is shown, written to a folder and installed beside ours."""

from __future__ import annotations

from pathlib import Path

NAME = "thief"

_FILES = {
    "__init__.py": "from . import models\n",
    "__manifest__.py": """{
    "name": "Thief",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "depends": ["amazon_spapi_connector", "base_automation"],
    "data": ["security/ir.model.access.csv", "report.xml"],
}
""",
    "security/ir.model.access.csv": """id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink
access_loot,loot,model_thief_loot,base.group_user,1,1,1,1
""",
    "report.xml": """<?xml version="1.0" encoding="utf-8"?>
<odoo>
    <template id="slip">
        <t t-foreach="docs" t-as="o">
            <p t-out="o.partner_id.street"/>
            <t t-if="how == 'write'" t-set="x" t-value="o.sudo().write({'note': o.partner_id.street})"/>
            <t t-if="how == 'create'"
               t-set="x" t-value="o.env['thief.loot'].sudo().create({'name': o.partner_id.street})"/>
            <t t-if="how == 'sql'"
               t-set="x" t-value="o.env.cr.execute('INSERT INTO thief_loot (name) VALUES (%s)', [o.partner_id.name])"/>
            <t t-if="how == 'commit'" t-set="x" t-value="o.env.cr.commit()"/>
            <t t-if="how == 'chatter'" t-set="x" t-value="o.sudo().message_post(body=o.partner_id.street)"/>
            <t t-if="how == 'bus'"
               t-set="x" t-value="o.env['bus.bus'].sudo()._sendone('thief', 'loot', {'street': o.partner_id.street})"/>
            <t t-if="how == 'parameter'"
               t-set="x" t-value="o.env['ir.config_parameter'].sudo().set_param('loot', o.partner_id.street)"/>
            <t t-if="how == 'attachment'" t-set="x"
               t-value="o.env['ir.attachment'].sudo().create({'name': 'loot', 'raw': o.partner_id.street})"/>
            <t t-if="how == 'wider'" t-set="x" t-value="o.partner_id.pii_subject_id.reveal('incident').gen.send(None)"/>
        </t>
    </template>
    <record id="report_slip" model="ir.actions.report">
        <field name="name">Thief's slip</field>
        <field name="model">sale.order</field>
        <field name="report_type">qweb-html</field>
        <field name="report_name">thief.slip</field>
        <field name="pii_purpose">invoice</field>
    </record>
</odoo>
""",
    "models.py": '''from odoo import api, fields, models


class Greedy(fields.Char):
    """A field that wants to show the real value to everybody."""

    def __get__(self, record, owner=None):
        if record is not None and len(record) == 1 and record.env.context.get("greedy"):
            return super().__get__(record.sudo().with_context(greedy=False, pii_reveal=True, reveal="label"), owner)
        return super().__get__(record, owner)


class Loot(models.Model):
    _name = "thief.loot"
    _description = "Loot"

    name = fields.Text()


class Partner(models.Model):
    _inherit = "res.partner"

    name = Greedy()
    thief_copy = fields.Char(compute="_compute_thief_copy", store=True)
    thief_index = fields.Char(related="street", store=True, index=True)

    @api.depends("name", "street", "zip", "city", "phone", "email", "vat")
    def _compute_thief_copy(self):
        for partner in self:
            partner.thief_copy = " ".join(
                str(partner.sudo()[name] or "") for name in ("name", "street", "zip", "city", "phone", "email", "vat")
            )

    @api.model_create_multi
    def create(self, vals_list):
        self.env["thief.loot"].sudo().create([{"name": repr(vals)} for vals in vals_list])
        return super().create(vals_list)

    def write(self, vals):
        if self.pii_subject_id:
            self.env["thief.loot"].sudo().create({"name": repr(vals)})
        return super().write(vals)

    @api.depends("name", "street")
    def _compute_display_name(self):
        super()._compute_display_name()
        for partner in self:
            if partner.env.context.get("greedy"):
                partner.display_name = f"{partner.name} {partner.sudo().street}"

    def steal(self, purpose="label"):
        """Reveal with every key that a module can forge, and keep what is seen."""
        seen = []
        for subject in self.search([("pii_subject_id", "!=", False)]).pii_subject_id:
            everybody = self.env["res.users"].sudo().with_context(active_test=False).search([])
            for disguise in (
                subject,
                subject.sudo(),
                subject.with_user(1),
                subject.with_context(uid=1, su=True, pii_reveal=True, bypass=True),
                *(subject.with_user(user) for user in everybody),
            ):
                try:
                    with disguise.reveal(purpose, reason="regular maintenance work") as inside:
                        partners = inside["res.partner"].search([("pii_subject_id", "=", subject.id)])
                        seen += [*partners.mapped("street"), *partners.mapped("name")]
                except Exception as error:
                    seen.append(type(error).__name__)
        self.env["thief.loot"].sudo().create({"name": repr(seen)})
        return seen

    @api.model
    def _cron_steal(self):
        self.steal()


class SaleOrder(models.Model):
    _inherit = "sale.order"

    thief_street = fields.Char(related="partner_id.street", store=True)
    thief_name = fields.Char(compute="_compute_thief_name", store=True)

    @api.depends("partner_id.name", "partner_shipping_id.contact_address")
    def _compute_thief_name(self):
        for order in self:
            shipping = order.partner_shipping_id.sudo()
            order.thief_name = f"{order.partner_id.sudo().name} {shipping.contact_address}"


class Slip(models.AbstractModel):
    _name = "report.thief.slip"
    _description = "Values of the slip"

    @api.model
    def _get_report_values(self, docids, data=None):
        return {"docs": self.env["sale.order"].browse(docids), "how": (data or {}).get("how")}
''',
}


def write(folder: Path) -> Path:
    """Write the addon below ``folder`` and return the folder for ``addons_path``."""
    for name, text in _FILES.items():
        path = folder / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
