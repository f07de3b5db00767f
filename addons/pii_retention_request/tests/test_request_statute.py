from datetime import date

from odoo import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.pii_retention import archive, archive_items
from odoo.addons.pii_retention.statutes import Dates
from odoo.addons.pii_retention.tests.archive_common import CONTENT, ArchiveCase
from odoo.addons.pii_retention.tests.common import PERSON

from .common import RequestCase


class StatuteCase(RequestCase, ArchiveCase):
    """Customers of a request with real documents in the legal archive."""

    def setUp(self):
        super().setUp()
        today = date.today()
        self.dates = Dates(today, today, date(today.year, 12, 31))
        self.item = self.archived(self.subject, "INV/1")

    def archived(self, subject, number):
        return archive.keep(
            self.sealed(subject=subject),
            self.document(
                record=subject._partner(),
                subject=subject,
                number=number,
                dates=self.dates,
                order_reference=subject.reference,
            ),
        )


@tagged("post_install", "-at_install")
class TestRequestStatute(StatuteCase):
    """What a statute keeps of a request's customers is named with its article, stays, and names its customer."""

    def test_listed_in_preview_and_certificate_and_kept(self):
        request = self.register()
        request.action_preview()
        self.assertEqual(request.statute_count, 1)
        self.assertEqual(
            request.statute_text,
            f"INV/1 (PDF): {self.item.statute}, {self.item.article}, kept until {self.item.retain_until}",
        )
        # issued between the preview and the work
        self.archived(self.subjects[1], "INV/2")
        self.decide(request)
        self.run_cron()
        self.assertEqual((request.state, request.statute_count), ("done", 2))
        self.assertNothingHeld(self.subjects)
        self.assertEqual(archive_items.content(self.item), CONTENT)
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "pii_retention_request.report_request", request.ids
        )
        for text in ("INV/1", "INV/2", self.item.article):
            self.assertIn(text, html.decode())
        self.assertNoCanary(html.decode())
        self.assertRequestImpersonal(request)

    def test_of_whom_was_erased_in_the_ordinary_course(self):
        self.subject.sudo().write(self.subject._erased_columns())
        request = self.register(kind="merchant_leaves")
        request.action_preview()
        self.assertNotIn(self.subject.uuid, request.item_ids.mapped("subject_uuid"))
        self.assertIn("INV/1", request.statute_text)
        self.decide(request)
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertEqual(archive_items.content(self.item), CONTENT, "its key is not one of a day")

    def test_nobody_elses(self):
        request = self.register(references=self.bystander.reference)
        request.action_preview()
        self.assertEqual((request.statute_count, request.statute_text), (0, False))


@tagged("post_install", "-at_install")
class TestRequestStatuteCopy(StatuteCase, HttpCase):
    def test_a_person_who_is_erased_is_told_of_the_documents(self):
        """Nothing live is held; to say that nothing is held at all would be untrue."""
        self.subject.sudo().write(self.subject._erased_columns())
        request = self.register(
            kind="data_subject",
            right="access",
            subject_ids=[Command.set(self.subject.ids)],
            identity_method="order_message",
        )
        request.action_preview()
        with self.acting(self.officer):
            request.action_confirm_identity()
        self.decide(request)
        self.env.flush_all()
        self.authenticate("vault_officer", "vault_officer")
        for form in ("json", "pdf", "zip"):
            answer = self.url_open(f"/pii/request/{request.id}/copy/{form}", timeout=60)
            self.assertEqual(answer.status_code, 200, form)
            if form == "json":
                (line,) = answer.json()["kept_by_law"]
                self.assertEqual(answer.json()["customers"], [])
                self.assertEqual((line["document"], line["until"]), ("INV/1 (PDF)", self.item.retain_until.isoformat()))
                self.assertIn(self.item.article, line["statute"])
                self.assertNotIn(PERSON["name"], answer.text)
        self.env.invalidate_all()
        request.action_answered()
        self.assertEqual(request.state, "done")
