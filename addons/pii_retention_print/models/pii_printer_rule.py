from odoo import fields, models


class PiiPrinterRule(models.Model):
    """Which printer a report goes to, for everybody or for one person."""

    _name = "pii.printer.rule"
    _description = "Default Printer"
    _order = "sequence, id"
    _allow_sudo_commands = False

    sequence = fields.Integer(default=10)
    printer_id = fields.Many2one("pii.printer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="printer_id.company_id", store=True)
    report_id = fields.Many2one("ir.actions.report", ondelete="cascade", help="Empty: everything, files too.")
    user_id = fields.Many2one("res.users", ondelete="cascade", help="Empty: everybody.")

    _once = models.UniqueIndex(
        "(company_id, COALESCE(report_id, 0), COALESCE(user_id, 0))",
        "There is a default printer for this report and user already.",
    )
