from odoo import fields, models


class PiiPrintChoice(models.TransientModel):
    _name = "pii.print.choice"
    _description = "Choose a Printer"

    report_id = fields.Many2one("ir.actions.report", readonly=True, required=True, ondelete="cascade")
    res_ids = fields.Json(readonly=True)
    printer_id = fields.Many2one("pii.printer", domain="[('is_released', '=', True)]")
    keep = fields.Boolean(string="Use it from now on", default=True)

    def action_print(self):
        """Print on the chosen printer."""
        self.ensure_one()
        printer = self.printer_id._sole()
        if self.keep:
            self.env.user.pii_printer_id = printer
        # sudo: a user may not read the report's action, its name is no secret
        name = self.report_id.sudo().report_name
        answer = self.env["ir.actions.report"].pii_print_prepare(name, self.res_ids, printer.id)
        return {"type": "ir.actions.client", "tag": "pii_print_job", "params": answer | {"close": True}}
