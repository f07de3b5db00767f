from odoo import Command, fields, models
from odoo.exceptions import UserError

from .. import messages
from ..ipp import Endpoint, PrinterError, queues


class PiiPrinterSearch(models.TransientModel):
    _name = "pii.printer.search"
    _description = "Find the Queues of a CUPS Server"

    uri = fields.Char(string="Server", required=True, default="ipp://localhost:631/")
    line_ids = fields.One2many("pii.printer.search.line", "search_id", string="Queues")

    def action_search(self):
        """List the queues of the server."""
        self.ensure_one().check_access("write")
        try:
            found = queues(Endpoint(self.uri))
        except PrinterError as error:
            raise UserError(messages.sentence(self.env, error, self.uri)) from None
        if not found:
            raise UserError(self.env._("%s has no queues.", self.uri))
        known = set(self.env["pii.printer"].with_context(active_test=False).search([]).mapped("uri"))
        self.line_ids = [
            Command.clear(),
            *(
                Command.create(
                    {
                        "name": queue.info or queue.name,
                        "uri": queue.uri,
                        "make_model": queue.model,
                        "location": queue.location,
                        "is_known": queue.uri in known,
                    }
                )
                for queue in found
            ),
        ]
        return self._shown()

    def _shown(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Find Printers"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [[False, "form"]],
            "target": "new",
        }


class PiiPrinterSearchLine(models.TransientModel):
    _name = "pii.printer.search.line"
    _description = "Queue of a CUPS Server"

    search_id = fields.Many2one("pii.printer.search", required=True, ondelete="cascade")
    name = fields.Char(readonly=True)
    uri = fields.Char(string="Address", readonly=True)
    make_model = fields.Char(string="Model", readonly=True)
    location = fields.Char(readonly=True)
    is_known = fields.Boolean(string="Set Up", readonly=True)

    def action_add(self):
        """Set the queue up as a printer; a privacy officer releases it."""
        self.ensure_one()
        self.env["pii.printer"].create({"name": self.name, "uri": self.uri})
        self.is_known = True
        return self.search_id._shown()
