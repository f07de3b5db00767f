import json

from odoo import http
from odoo.http import request
from odoo.tests import tagged

from odoo.addons.pii_retention.tests.common import PERSON

from .common import PDF_REPORT, TEXT_REPORT, PrintCase


class OtherController(http.Controller):
    """A page of some other module that hands a rendered slip to the browser, as portals do; in tests only."""

    @http.route("/pii_retention_print/test/slip/<int:partner_id>", type="http", auth="user")
    def slip(self, partner_id):
        text = request.env["ir.actions.report"]._render_qweb_text(TEXT_REPORT, [partner_id])[0]
        return request.make_response(text, headers=[("Content-Disposition", "attachment; filename=slip.txt")])


@tagged("post_install", "-at_install")
class TestPrintRefusal(PrintCase):
    """A document that goes to a printer is no file."""

    def break_glass(self, *subjects):
        """Let the clerk break the glass for customers, as the button on a customer's card does."""
        grant = self.env["pii.grant"].create(
            {
                "user_id": self.clerk.id,
                "requested_by_id": self.env.ref("base.user_admin").id,
                "purpose": "label",
                "kind": "break_glass",
                "reason": "the printer is broken",
                "subject_ids": [subject.id for subject in subjects],
            }
        )
        self.approve(grant)
        return grant

    def download(self, partner, kind="text", name=TEXT_REPORT):
        data = json.dumps([f"/report/{kind}/{name}/{partner.id}", f"qweb-{kind}"])
        return self.url_open("/report/download", data={"data": data, "csrf_token": http.Request.csrf_token(self)})

    def urls(self, partner):
        return [
            f"/report/html/{TEXT_REPORT}/{partner.id}",
            f"/report/text/{TEXT_REPORT}/{partner.id}",
            f"/report/pdf/{PDF_REPORT}/{partner.id}",
            f"/report/html/{PDF_REPORT}/{partner.id}?context=%7B%7D",
            f"/report/html/{PDF_REPORT}/0,{partner.id}",
        ]

    def test_the_report_routes_refuse(self):
        for url in self.urls(self.partner):
            response = self.url_open(url)
            self.assertEqual(response.status_code, 403, url)
            self.assertIn("goes to a printer", response.text)
            self.assertEqual(response.headers["Cache-Control"], "no-store")
            self.assertNoCanary(response.text, url)
        self.assertEqual(self.log_rows(), [], "refused before anything was opened")

    def test_the_download_route_refuses_with_what_the_web_client_shows(self):
        response = self.download(self.partner)
        self.assertEqual(response.status_code, 403)
        self.assertIn("goes to a printer", response.text)
        self.assertIn("AccessError", response.text)
        self.assertEqual(self.log_rows(), [])

    def test_other_pages_hand_out_nothing_either(self):
        url = f"/pii_retention_print/test/slip/{self.partner.id}"
        response = self.url_open(url)
        self.assertEqual(response.status_code, 403)
        self.assertNoCanary(response.text, url)
        self.assertNotIn("Content-Disposition", response.headers)

    def test_break_glass_downloads_what_no_cache_keeps(self):
        other = self.many(1)
        self.break_glass(self.subject)
        for url in (
            f"/report/text/{TEXT_REPORT}/{self.partner.id}",
            f"/pii_retention_print/test/slip/{self.partner.id}",
        ):
            response = self.url_open(url)
            self.assertEqual(response.status_code, 200, url)
            self.assertIn(PERSON["name"], response.text)
            self.assertEqual(response.headers["Cache-Control"], "no-store")
        response = self.download(self.partner)
        self.assertEqual(response.status_code, 200)
        self.assertIn(PERSON["name"], response.text)
        self.assertIn("attachment", response.headers["Content-Disposition"])
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        # for these customers, not for the one beside them
        for ids in (other.ids, [*self.partner.ids, *other.ids]):
            url = f"/report/text/{TEXT_REPORT}/{','.join(map(str, ids))}"
            self.assertEqual(self.url_open(url).status_code, 403)

    def test_a_revoked_break_glass_downloads_nothing(self):
        grant = self.break_glass(self.subject)
        url = f"/report/text/{TEXT_REPORT}/{self.partner.id}"
        self.assertEqual(self.url_open(url).status_code, 200)
        grant.with_user(self.clerk).action_revoke()
        self.env.flush_all()
        self.assertEqual(self.url_open(url).status_code, 403)

    def test_ordinary_reports_are_untouched(self):
        ordinary = self.env["res.partner"].create({"name": "Ordinary"})
        self.env.flush_all()
        response = self.url_open(f"/report/text/{TEXT_REPORT}/{ordinary.id}")
        self.assertEqual((response.status_code, response.text.strip()), (200, "Ordinary"))

    # === NO PRINTER === #

    def test_without_a_printer_the_person_is_told_what_to_do(self):
        self.printer.active = False
        self.env.flush_all()
        answer = self.prepare()
        self.assertEqual((answer["kind"], answer["action"]), ("none", False))
        self.assertIn("ask your administrator", answer["message"])
        self.assertEqual(self.log_rows(), [])

    def test_without_a_printer_an_administrator_gets_the_way_there(self):
        self.printer.active = False
        self.clerk.group_ids += self.env.ref("base.group_system")
        self.env.flush_all()
        self.assertEqual(self.prepare()["action"]["res_model"], "pii.printer")

    def test_without_a_printer_break_glass_makes_it_a_download(self):
        self.printer.active = False
        self.break_glass(self.subject)
        self.assertEqual(self.prepare(), {"kind": "download"})

    def test_with_several_printers_the_person_chooses_once(self):
        second = self.new_printer("Second", f"{self.device.base}/printers/office")
        answer = self.prepare()
        self.assertEqual(answer["kind"], "action")
        choice = answer["action"]["res_id"]
        self.rpc("pii.print.choice", "write", [choice], {"printer_id": second.id, "keep": True})
        job = self.rpc("pii.print.choice", "action_print", [choice])["params"]
        self.assertEqual((job["kind"], job["printer"]), ("job", "Second"))
        self.assertEqual(self.prepare()["printer"], "Second")

    def test_an_unreleased_printer_gets_nothing(self):
        secret = self.new_printer("Elsewhere", "ipps://elsewhere.example/ipp/print", release=False)
        answer = self.prepare()
        self.assertEqual(answer["printer"], "Packing table")
        self.refused(
            "UserError",
            *("ir.actions.report", "pii_print_prepare", TEXT_REPORT, self.partner.ids),
            printer_id=secret.id,
        )

    def test_a_job_whose_printer_lost_its_release_is_not_sent(self):
        job = self.prepare()
        self.printer.uri = f"{self.device.base}/printers/labels"
        self.env.flush_all()
        state = self.send(job)
        self.assertEqual(state["state"], "failed")
        self.assertIn("not released", state["message"])
        self.assertFalse(self.device.jobs())
        self.assertEqual(self.log_rows(), [])
