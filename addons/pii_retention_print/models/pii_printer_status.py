import io

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from .. import devices, messages, printing
from ..ipp import PrinterError, attributes, certificate, choose
from ..ipp.formats import PDF, ZPL
from .pii_printer import MANAGER, OFFICER


class PiiPrinter(models.Model):
    """What the printer says about itself, and a test page."""

    _inherit = "pii.printer"

    status = fields.Selection(
        [
            ("unknown", "Not asked yet"),
            ("idle", "Ready"),
            ("printing", "Printing"),
            ("stopped", "Stopped"),
            ("unreachable", "Not reachable"),
        ],
        default="unknown",
        readonly=True,
        required=True,
        copy=False,
    )
    status_message = fields.Char(readonly=True, copy=False)
    checked_at = fields.Datetime(string="Asked", readonly=True, copy=False)
    make_model = fields.Char(string="Model", readonly=True, copy=False)
    formats = fields.Char(string="Document Types", readonly=True, copy=False)
    media_supported = fields.Char(string="Paper Sizes", readonly=True, copy=False)
    waiting = fields.Integer(string="Jobs Waiting", readonly=True, copy=False)

    def _check_manager(self):
        if not self.env.user.has_group(MANAGER) and not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("An administrator or a privacy officer looks after printers."))

    def action_check(self):
        """Ask the printers how they are."""
        self._check_manager()
        for printer in self:
            printer._refresh()
        return True

    def _refresh(self):
        """Write down what the printer says about itself, or why it does not answer."""
        self.ensure_one()
        values = {"checked_at": fields.Datetime.now()}
        try:
            info = attributes(devices.endpoint(self))
        except PrinterError as error:
            values |= {"status": "unreachable", "status_message": messages.sentence(self.env, error, self.name)}
        else:
            trouble = messages.reasons_sentence(self.env, info.reasons)
            values |= {
                "status": info.state,
                "status_message": trouble or False,
                "make_model": info.model,
                "formats": ", ".join(info.formats),
                "media_supported": ", ".join(info.media[:50]),
                "waiting": info.waiting,
            }
        # sudo: what the printer says is nobody's decision
        self.sudo().write(values)

    def action_read_certificate(self):
        """Fetch the fingerprint of the certificate that the printer shows, for a person to compare."""
        self._check_manager()
        self.ensure_one().check_access("write")
        try:
            self.fingerprint = certificate(devices.endpoint(self))
        except PrinterError as error:
            raise UserError(messages.sentence(self.env, error, self.name)) from None
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "message": self.env._(
                    "Compare the fingerprint with the one on the printer's display or web page before the printer is "
                    "released: it is trusted from then on."
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_test_page(self):
        """Print a page without personal data."""
        self._check_manager()
        self.ensure_one()
        self._refresh()
        if self.status == "unreachable":
            raise UserError(self.status_message)
        supported = tuple((self.formats or "").split(", "))
        if choose(PDF, supported):
            content, mimetype = self._test_pdf(), PDF
        elif choose(ZPL, supported):
            content, mimetype = self._test_zpl(), ZPL
        else:
            raise UserError(
                self.env._("%s takes neither PDF nor ZPL. Use a queue of a CUPS server, which converts.", self.name)
            )
        state = printing.print_bytes(self, content, mimetype)
        return {
            "type": "ir.actions.client",
            "tag": "pii_print_result",
            "params": state,
        }

    def _test_lines(self):
        return [
            self.env._("Test page of %s", self.name),
            self.env._("Printed by Odoo for %s", self.company_id.name),
            fields.Datetime.to_string(fields.Datetime.now()) + " UTC",
            self.uri,
        ]

    def _test_pdf(self):
        out = io.BytesIO()
        page = canvas.Canvas(out, pagesize=A4)
        for number, line in enumerate(self._test_lines()):
            page.drawString(72, 760 - 24 * number, line)
        page.showPage()
        page.save()
        return out.getvalue()

    def _test_zpl(self):
        lines = "".join(
            f"^FO40,{40 + 60 * number}^A0N,36,36^FD{line.translate({ord('^'): ' ', ord('~'): ' '})}^FS"
            for number, line in enumerate(self._test_lines())
        )
        return f"^XA^CI28{lines}^XZ".encode()
