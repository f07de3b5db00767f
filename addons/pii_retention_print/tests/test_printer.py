from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention import channel

from .. import devices
from .common import PrintCase


@tagged("post_install", "-at_install")
class TestPrinter(PrintCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = new_test_user(cls.env, "print_admin", groups="base.group_system")

    def test_addresses(self):
        allowed = [
            "ipps://printer.example/ipp/print",
            "ipp://localhost:631/printers/a",
            "ipp://[::1]/x",
            "ipp://127.0.0.9/x",
        ]
        refused = [
            "http://localhost",
            "ipp://",
            "ipp://user:secret@localhost/x",
            "ipp://192.168.1.2/x",
            "ipp://8.8.8.8/x",
        ]
        refused += ["ipp://printer.example/x", "ipps://host/x?y", "ipp://localhost:99999/x", "localhost", "ipp://a b/x"]
        for uri in allowed:
            self.printer.uri = uri
        for uri in refused:
            with self.assertRaises(ValidationError, msg=uri):
                self.printer.uri = uri
        self.printer.write({"uri": "ipp://192.168.1.2/x", "allow_network": True})
        with self.assertRaises(ValidationError):
            self.printer.uri = "ipp://8.8.8.8/x"

    def test_only_an_officer_opens_the_network(self):
        printer = self.printer.with_user(self.admin)
        with self.assertRaises(AccessError):
            printer.allow_network = True
        with self.assertRaises(AccessError):
            printer.create({"name": "x", "uri": "ipp://10.0.0.1/x", "allow_network": True})
        self.printer.with_user(self.officer).allow_network = True
        self.assertTrue(self.printer.allow_network)

    def test_only_an_officer_in_person_releases(self):
        printer = self.new_printer("New", self.device.uri, release=False)
        with self.acting(self.admin), self.assertRaises(AccessError):
            printer.with_user(self.admin).action_release()
        with self.acting(self.admin), self.assertRaises(AccessError):
            printer.with_user(self.officer).action_release()
        with self.acting(None), self.assertRaises(AccessError):
            printer.with_user(self.officer).action_release()
        with self.assertRaises(AccessError):
            printer.with_user(self.officer).released_by_id = self.officer
        # nor by a button that an administrator gave other words
        action = self.env["ir.actions.server"].create(
            {
                "name": "Show the printer",
                "state": "code",
                "model_id": self.env["ir.model"]._get_id(printer._name),
                "code": "records.action_release()",
            }
        )
        called = action.with_user(self.officer).with_context(active_model=printer._name, active_ids=printer.ids).sudo()
        with self.acting(self.officer), self.assertRaises(AccessError):
            called.run()
        self.assertFalse(devices.is_released(printer))
        self.release(printer)
        self.assertTrue(devices.is_released(printer))
        self.assertEqual(printer.released_by_id, self.officer)
        self.assertEqual(channel.caller().uid, self.clerk.id)

    def test_a_change_of_place_ends_the_release(self):
        for values in (
            {"uri": "ipps://elsewhere.example/x"},
            {"fingerprint": "ab" * 32},
            {"allow_network": True},
        ):
            printer = self.new_printer("New", self.device.uri)
            printer.with_user(self.admin).write({"name": "Renamed", "uri": printer.uri, "media": "iso_a4_210x297mm"})
            self.assertTrue(devices.is_released(printer))
            printer.write(values)
            self.assertFalse(printer.is_released, values)
            self.assertFalse(devices.is_released(printer), values)

    def test_a_change_in_the_database_ends_the_release_too(self):
        printer = self.new_printer("New", self.device.uri)
        self.env.cr.execute("UPDATE pii_printer SET uri = 'ipps://evil.example/x' WHERE id = %s", [printer.id])
        self.env.invalidate_all()
        self.assertTrue(printer.is_released)
        self.assertFalse(devices.is_released(printer))
        self.assertNotIn(printer, self.env["pii.printer"]._usable())
        # nor does the seal of one printer fit another
        self.env.cr.execute(
            "UPDATE pii_printer SET release_seal = (SELECT release_seal FROM pii_printer WHERE id = %s) WHERE id = %s",
            [self.printer.id, printer.id],
        )
        self.env.invalidate_all()
        self.assertFalse(devices.is_released(printer))

    def test_the_password_is_sealed_and_stays_with_its_address(self):
        self.device.change(password="hunter2-canary")
        self.printer.with_user(self.admin).write({"username": "odoo", "password": "hunter2-canary"})
        self.assertTrue(self.printer.has_password)
        self.assertFalse(self.printer.with_user(self.admin).read(["password"])[0]["password"])
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(p)::text FROM pii_printer p")
        self.assertNotIn("hunter2", str(self.env.cr.fetchall()))
        self.printer.with_user(self.admin).action_check()
        self.assertEqual(self.printer.status, "idle")
        self.assertNotIn("hunter2", repr(devices.endpoint(self.printer)))
        self.printer.uri = "ipps://elsewhere.example/x"
        self.assertFalse(self.printer.has_password)
        self.printer.write({"uri": self.device.uri, "password": "wrong"})
        self.printer.action_check()
        self.assertEqual(self.printer.status, "unreachable")
        self.assertIn("user name or password", self.printer.status_message)

    def test_what_the_printer_says(self):
        self.printer.action_check()
        self.assertEqual((self.printer.status, self.printer.make_model), ("idle", "Sandbox Printer"))
        self.assertIn("application/pdf", self.printer.formats)
        self.device.fault("paper")
        self.printer.action_check()
        self.assertEqual((self.printer.status, self.printer.status_message), ("stopped", "out of paper"))
        with self.assertRaises(AccessError):
            self.printer.with_user(self.clerk).action_check()

    def test_a_test_page_without_anybody_on_it(self):
        for queue, start in (("office", b"%PDF-"), ("labels", b"^XA")):
            printer = self.new_printer(queue, f"{self.device.base}/printers/{queue}")
            action = printer.with_user(self.admin).action_test_page()
            self.assertEqual(action["params"]["sent"], 1, action)
            content = self.device.document(self.device.jobs(queue)[0]["id"])
            self.assertTrue(content.startswith(start))
            self.assertNoCanary(content.decode("latin-1"), "the test page")
        unreleased = self.new_printer("x", self.device.uri, release=False)
        with self.assertRaises(UserError):
            unreleased.with_user(self.admin).action_test_page()

    def test_the_queues_of_a_server(self):
        search = self.env["pii.printer.search"].with_user(self.admin).create({"uri": f"{self.device.base}/"})
        search.action_search()
        self.assertEqual(search.line_ids.mapped("name"), ["Label printer", "Office printer"])
        search.line_ids[0].action_add()
        printer = self.env["pii.printer"].search([("name", "=", "Label printer")])
        self.assertEqual(printer.uri, f"{self.device.base}/printers/labels")
        self.assertFalse(printer.is_released)
        search.uri = "ipp://localhost:1/"
        with self.assertRaises(UserError):
            search.action_search()

    def test_which_printer_for_whom(self):
        office, zebra = self.printer, self.new_printer("Zebra", f"{self.device.base}/printers/labels")
        printers = self.env["pii.printer"].with_user(self.clerk)
        text, pdf = self.text_report, self.pdf_report
        self.assertFalse(printers._default_for(text))
        rules = self.env["pii.printer.rule"]
        rules.create({"printer_id": office.id})
        self.assertEqual(printers._default_for(text), office)
        self.clerk.pii_printer_id = zebra
        self.assertEqual(printers._default_for(text), zebra)
        rules.create({"printer_id": office.id, "report_id": pdf.id})
        self.assertEqual(printers._default_for(pdf), office)
        self.assertEqual(printers._default_for(text), zebra)
        rules.create({"printer_id": zebra.id, "report_id": pdf.id, "user_id": self.clerk.id})
        self.assertEqual(printers._default_for(pdf), zebra)
        self.assertEqual(printers.with_user(self.officer)._default_for(pdf), office)
        zebra.active = False
        self.assertEqual(printers._default_for(pdf), office)

    def test_only_an_officer_lets_labels_be_downloaded(self):
        report = self.text_report
        self.assertEqual(report.pii_output, "printer")
        with self.assertRaises(AccessError):
            report.with_user(self.admin).pii_output = "download"
        self.admin.group_ids += self.env.ref("pii_retention.group_privacy_officer")
        report.with_user(self.admin).pii_output = "download"
        self.assertEqual(report.pii_output, "download")
        report.pii_purpose = "invoice"
        self.assertEqual(report.pii_output, "download")

    def test_nobody_writes_jobs(self):
        state = self.print()
        job = self.env["pii.print.job"].browse(state["job_id"])
        for user in (self.clerk, self.officer, self.admin):
            with self.assertRaises(AccessError):
                job.with_user(user).write({"user_id": user.id})
            with self.assertRaises(AccessError):
                job.with_user(user).unlink()
        self.assertEqual(job.with_user(self.officer).read(["state"])[0]["state"], "done")
        self.assertFalse(job.with_user(self.nobody).search([]))
