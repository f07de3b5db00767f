import base64
import io

from PIL import Image

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.pii_retention.tests.common import PERSON

from .. import printing
from .common import PrintCase

ZPL = f"^XA^FO50,50^A0N,36,36^FD{PERSON['name']}^FS^XZ".encode()


@tagged("post_install", "-at_install")
class TestPrintFile(PrintCase):
    """Labels that are files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.zebra = cls.new_printer("Zebra", f"{cls.device.base}/printers/labels")

    def attach(self, content, name, mimetype):
        attachment = self.env["ir.attachment"].create(
            {"name": name, "raw": content, "mimetype": mimetype, "res_model": "res.partner", "res_id": self.partner.id}
        )
        self.env.flush_all()
        self.assertTrue(attachment.pii_subject_id)
        return attachment

    def print_file(self, attachment, printer):
        with self.acting(self.clerk):
            return printing.print_attachment(attachment.with_user(self.clerk), printer.with_user(self.clerk))

    def test_a_sealed_zpl_label_arrives_as_zpl(self):
        state = self.print_file(self.attach(ZPL, "label.zpl", "text/plain"), self.zebra)
        self.assertEqual((state["sent"], state["message"]), (1, False))
        (job,) = self.device.jobs("labels")
        self.assertEqual(job["documents"][0]["format"], "application/vnd.zebra-zpl")
        self.assertEqual(self.device.document(job["id"]), ZPL)
        self.assertEqual(self.log_rows(), [("opened", "label", "Printed on Zebra")])
        self.assertNothingKept()

    def test_zpl_goes_raw_where_a_printer_names_it_otherwise(self):
        self.device.change("labels", formats=["application/octet-stream"])
        self.addCleanup(self.device.change, "labels", formats=["application/vnd.zebra-zpl", "application/octet-stream"])
        self.assertEqual(self.print_file(self.attach(ZPL, "label.zpl", "text/plain"), self.zebra)["sent"], 1)
        self.assertEqual(self.device.jobs("labels")[0]["documents"][0]["format"], "application/octet-stream")

    def test_a_pdf_is_not_sent_raw_to_a_label_printer(self):
        state = self.print_file(self.attach(b"%PDF-1.4 label", "label.pdf", "application/pdf"), self.zebra)
        self.assertEqual(state["state"], "failed")
        self.assertIn("does not take documents of the type application/pdf", state["message"])
        self.assertFalse([job for job in self.device.jobs() if job["documents"]])

    def test_a_picture_becomes_a_pdf_where_it_must(self):
        out = io.BytesIO()
        Image.new("RGBA", (40, 60), (0, 0, 0, 128)).save(out, "PNG")
        attachment = self.attach(out.getvalue(), "label.png", "image/png")
        self.assertEqual(self.print_file(attachment, self.printer)["sent"], 1)
        self.assertEqual(self.device.document(self.device.jobs()[0]["id"]), out.getvalue())
        formats = ["application/pdf", "image/png", "text/plain", "application/octet-stream"]
        self.addCleanup(self.device.change, formats=formats)
        self.device.change(formats=["application/pdf"])
        self.assertEqual(self.print_file(attachment, self.printer)["sent"], 1)
        self.assertTrue(self.device.document(self.device.jobs()[1]["id"]).startswith(b"%PDF-"))

    def test_the_button_prints_through_the_gate(self):
        attachment = self.attach(ZPL, "label.zpl", "text/plain")
        self.clerk.pii_printer_id = self.zebra
        self.env.flush_all()
        action = self.rpc("ir.attachment", "action_pii_print", [attachment.id])
        self.assertEqual((action["tag"], action["params"]["sent"]), ("pii_print_result", 1))
        self.assertNotIn(base64.b64encode(ZPL).decode(), str(action))
        self.assertEqual(self.device.document(self.device.jobs("labels")[0]["id"]), ZPL)

    def test_without_the_role_the_file_stays_sealed(self):
        attachment = self.attach(ZPL, "label.zpl", "text/plain")
        with self.acting(self.nobody):
            state = printing.print_attachment(attachment.with_user(self.nobody), self.zebra.with_user(self.nobody))
        self.assertEqual(state["state"], "failed")
        self.assertEqual([row[0] for row in self.log_rows()], ["refused"])
        self.assertFalse([job for job in self.device.jobs() if job["documents"]])

    def test_no_printer(self):
        (self.printer | self.zebra).active = False
        attachment = self.attach(ZPL, "label.zpl", "text/plain")
        with self.acting(self.clerk), self.assertRaises(UserError):
            printing.print_attachment(attachment.with_user(self.clerk))
