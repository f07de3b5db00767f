import os
from pathlib import Path

from odoo.tests import new_test_user, tagged
from odoo.tools import config

from odoo.addons.pii_retention import private_tmp
from odoo.addons.pii_retention.tests.common import CANARIES, PERSON

from .. import jobs, printing
from .common import PDF_REPORT, TEXT_REPORT, PrintCase


def changed_files(folder: Path, since: float) -> list[Path]:
    """Return the files below ``folder`` that were written after ``since``."""
    return [
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since
    ]


@tagged("post_install", "-at_install")
class TestPrintReport(PrintCase):
    def test_a_slip_arrives_with_the_name_and_leaves_nothing_behind(self):
        before = self.subject.create_date.timestamp()
        state = self.print()
        self.assertEqual((state["state"], state["sent"], state["message"]), ("done", 1, False))
        (job,) = self.device.jobs()
        self.assertEqual(job["documents"][0]["format"], "text/plain")
        self.assertIn(PERSON["name"], self.device.document(job["id"]).decode())
        self.assertEqual(self.log_rows(), [("opened", "label", "Printed on Packing table")])
        # what the printer's display and its log show
        self.assertNoCanary((job["name"], job["user"]), "the title of the job")
        self.assertEqual(job["user"], "odoo")
        self.assertNothingKept()
        written = changed_files(Path(config.filestore(self.env.cr.dbname)), before) + changed_files(
            Path(private_tmp.folder()), before
        )
        found = [path for path in written if any(word.encode() in path.read_bytes() for word in CANARIES)]
        self.assertFalse(found, "files with plaintext")
        print("FIGURE print_files_scanned", len(written), "files")

    def test_a_pdf_arrives_as_a_pdf(self):
        # the stylesheets are made on first use: tests have one connection for the rendering and for those who fetch
        # them, and inside a reveal that one refuses every write
        ordinary = self.env["res.partner"].create({"name": "Ordinary"})
        reports = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        reports._render_qweb_pdf(PDF_REPORT, ordinary.ids)
        state = self.print(report=PDF_REPORT, context={"force_report_rendering": True})
        self.assertEqual(state["state"], "done", state)
        (job,) = self.device.jobs()
        content = self.device.document(job["id"])
        self.assertEqual(job["documents"][0]["format"], "application/pdf")
        self.assertTrue(content.startswith(b"%PDF-"))
        self.assertFalse(os.listdir(private_tmp.folder()), "files of the rendering")

    def test_the_job_says_who_printed_what(self):
        self.printer.documents_per_part = 20
        state = self.print(self.partner | self.many(2))
        job = self.env["pii.print.job"].browse(state["job_id"])
        self.assertEqual(job.user_id, self.clerk)
        self.assertEqual((job.report_id, job.purpose, job.printer_id), (self.text_report, "label", self.printer))
        self.assertEqual((job.document_count, job.sent_count, job.subject_count), (3, 3, 3))
        self.assertEqual(job.part_ids.ipp_job, self.device.jobs()[0]["id"])
        domain = job.with_user(self.clerk).action_open_documents()["domain"]
        self.assertIn(self.partner, self.env["res.partner"].search(domain))

    def test_a_batch_goes_in_parts(self):
        self.printer.documents_per_part = 2
        self.env.flush_all()
        partners = self.many(5)
        job = self.prepare(partners)
        self.assertEqual((job["documents"], job["sent"], job["more"]), (5, 0, True))
        seen = []
        state = job
        while state["more"]:
            state = self.rpc("pii.print.job", "print_next", [job["job_id"]])
            seen.append(state["sent"])
        self.assertEqual(seen, [2, 4, 5])
        self.assertEqual(len(self.device.jobs()), 3)
        text = "".join(self.device.document(job["id"]).decode() for job in self.device.jobs())
        for number in range(10, 15):
            self.assertIn(f"{PERSON['name']} {number}", text)

    def test_cancel_between_two_parts(self):
        self.printer.documents_per_part = 1
        self.device.change(pages_per_second=60)
        self.env.flush_all()
        job = self.prepare(self.many(3))
        self.rpc("pii.print.job", "print_next", [job["job_id"]])
        self.rpc("pii.print.job", "action_cancel", [job["job_id"]])
        state = self.rpc("pii.print.job", "print_next", [job["job_id"]])
        self.assertEqual((state["state"], state["more"], state["sent"]), ("cancelled", False, 0))
        self.assertEqual([job["state"] for job in self.device.jobs()], ["canceled"])

    def test_two_batches_side_by_side(self):
        self.printer.documents_per_part = 1
        first, second = self.many(3), self.many(3, start=20)
        self.env.flush_all()
        one, two = self.prepare(first), self.prepare(second)
        for _turn in range(3):
            for job in (one, two):
                self.rpc("pii.print.job", "print_next", [job["job_id"]])
        for job in (one, two):
            self.assertEqual(self.status(job)["state"], "done")
        text = "|".join(self.device.document(job["id"]).decode().strip() for job in self.device.jobs())
        self.assertEqual(len(self.device.jobs()), 6)
        for number in (*range(10, 13), *range(20, 23)):
            self.assertEqual(text.count(f"{PERSON['name']} {number}"), 1)

    def test_somebody_elses_job_is_not_sent_seen_or_stopped(self):
        job = self.prepare()
        other = new_test_user(self.env, "other_clerk", groups="pii_retention.group_fulfilment", password="other-clerk1")
        self.authenticate(other.login, "other-clerk1")
        for method in ("print_next", "print_status", "action_cancel", "action_retry"):
            self.refused("AccessError", "pii.print.job", method, [job["job_id"]])
        self.assertFalse(self.device.jobs())
        self.assertEqual(self.log_rows(), [])

    def test_without_the_role_nothing_reaches_the_printer(self):
        self.nobody.password = "vault_nobody-password"
        self.authenticate(self.nobody.login, "vault_nobody-password")
        state = self.print()
        self.assertEqual(state["state"], "failed")
        self.assertIn("purpose", state["message"])
        self.assertEqual([row[0] for row in self.log_rows()], ["refused"])
        self.assertNotIn("Send-Document", self.device.journal())
        self.assertEqual([job["state"] for job in self.device.jobs()], ["canceled"])

    def test_an_ordinary_customers_document_is_a_download_as_ever(self):
        ordinary = self.env["res.partner"].create({"name": "Ordinary"})
        self.assertEqual(self.prepare(ordinary), {"kind": "ordinary"})
        self.assertEqual(self.prepare(report=self.pdf_report.report_name)["kind"], "job")
        self.pdf_report.pii_output = "download"
        self.env.flush_all()
        self.assertEqual(self.prepare(report=self.pdf_report.report_name), {"kind": "ordinary"})

    def test_the_print_menus_action_says_where_the_report_goes(self):
        action = self.make_jsonrpc_request("/web/action/load", {"action_id": self.text_report.id})
        self.assertEqual(action["pii_output"], "printer")
        self.assertEqual(self.text_report.report_action(self.partner, config=False)["pii_output"], "printer")

    def test_options_of_a_report_are_used_and_not_kept(self):
        self.env["ir.ui.view"].search(
            [("key", "=", TEXT_REPORT)]
        ).arch = f'<t t-name="{TEXT_REPORT}"><t t-foreach="docs" t-as="o" t-out="o.name"/>-<t t-out="copies"/></t>'
        self.env.flush_all()
        job = self.prepare(has_options=True)
        self.send(job, data={"copies": "4711"})
        self.assertIn("-4711", self.device.document(self.device.jobs()[0]["id"]).decode())
        self.env.cr.execute("SELECT to_jsonb(t)::text FROM pii_print_job t")
        self.assertNotIn("4711", str(self.env.cr.fetchall()))
        self.refused("UserError", "pii.print.job", "action_retry", [job["job_id"]])

    def test_server_code_prints_at_once(self):
        with self.acting(self.clerk):
            report = self.text_report.with_user(self.clerk)
            state = printing.print_report(report, self.partner.with_user(self.clerk))
        self.assertEqual((state["sent"], state["message"]), (1, False))
        self.assertIn(PERSON["name"], self.device.document(self.device.jobs()[0]["id"]).decode())
        self.assertFalse(printing.is_printing())

    def test_each_part_is_taken_once(self):
        self.printer.documents_per_part = 1
        self.env.flush_all()
        job = self.prepare(self.many(4))
        env = self.env(user=self.clerk)
        taken = [jobs.claim_next(env, job["job_id"])["sequence"] for _turn in range(4)]
        self.assertEqual(taken, [1, 2, 3, 4])
        self.assertIsNone(jobs.claim_next(env, job["job_id"]))
