from odoo import fields, models


class ResUsers(models.Model):
    _inherit = "res.users"

    pii_printer_id = fields.Many2one(
        "pii.printer",
        string="Printer",
        company_dependent=True,
        domain="[('is_released', '=', True)]",
        help="Where labels and delivery slips go when you print them.",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["pii_printer_id"]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ["pii_printer_id"]
