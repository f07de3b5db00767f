from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.pii_retention import volumes

from .test_request_return import ReturnCase

MANY = 130


@tagged("post_install", "-at_install")
class TestRequestVolume(ReturnCase):
    """Two officers decide about many customers: they are packed in one go, and nothing else is loosened by that."""

    def setUp(self):
        super().setUp()
        self.subjects |= self.env["pii.subject"].union(
            *(self.seal(f"402-99{self.tests_begun:05d}-{number:07d}") for number in range(MANY))
        )
        self.limits = self.env["pii.purpose.limit"]._of_purpose("legal_request")
        self.assertLess(self.limits.per_day, MANY, "as the product sets it")

    def looked(self, request):
        """Return ``(outcome, is counted by the volume)`` of what the log says about the request's grant."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                """SELECT outcome, starts_with(document, %s), count(*) FROM pii_access_log
                    WHERE grant_ref = %s AND user_ref = %s AND at >= %s GROUP BY 1, 2""",
                [volumes.VOLUME, request.grant_id.id, self.officer.id, request.grant_id.date_start],
            )
            return {row[:2]: row[2] for row in cr.fetchall()}

    def reveal(self, subject, document=None):
        with (
            self.acting(self.officer),
            subject.with_user(self.officer).reveal(
                "legal_request", "answer to the request of the marketplace", document
            ),
        ):
            return True

    def opened_today(self):
        with self.env.registry.cursor() as cr:
            cr.execute(
                """SELECT count(*) FROM pii_access_log WHERE user_ref = %s AND at > %s AND outcome = 'opened'
                      AND purpose = 'legal_request'
                      AND NOT (document IS NOT NULL AND starts_with(document, 'volume:'))""",
                [self.officer.id, fields.Datetime.now() - timedelta(days=1)],
            )
            return cr.fetchone()[0]

    def test_packed_in_one_go_without_an_alert(self):
        kinds = ("bulk", "hourly", "daily", "canary")
        before = self.env["pii.alert"].search_count([("kind", "in", kinds)])
        request = self.returned()
        request.action_pack()
        self.assertEqual(sum(request.part_ids.mapped("customer_count")), MANY + 3)
        self.assertEqual(request.unpacked_count, 0)
        self.assertEqual(self.looked(request), {("opened", True): MANY + 3}, "each once, each in the log")
        self.assertEqual(request.grant_id.state, "approved", "nobody was suspended")
        self.assertEqual(self.env["pii.alert"].search_count([("kind", "in", kinds)]), before)
        print(f"FIGURE return_packed_in_one_press {MANY + 3} customers")

    def test_the_volume_is_used_once(self):
        request = self.returned()
        request.action_pack()
        request.item_ids.sudo().part_id = False
        with self.assertRaises(AccessError) as caught:
            request.action_pack()
        self.assertIn("give access again", str(caught.exception))
        self.assertEqual(self.looked(request)["opened", True], MANY + 3)

    def test_on_the_screen_the_limits_are_those_of_everybody(self):
        request = self.returned()
        most = self.opened_today() + 2
        self.limits.sudo().write({"per_hour": most, "per_day": most})
        self.assertTrue(self.reveal(self.subjects[0]))
        self.assertTrue(self.reveal(self.subjects[1]))
        with self.assertRaises(AccessError):
            self.reveal(self.subjects[2])
        for mark in ("volume:x", "lookup:name", "lookup:volume:x"):
            with self.subTest(mark=mark), self.assertRaises(AccessError):
                self.reveal(self.subjects[3], document=mark)
        # and what was opened on the screen takes nothing from the volume
        request.action_pack()
        self.assertEqual(request.unpacked_count, 0)

    def test_a_document_that_calls_itself_so_is_counted(self):
        """The name of an invoice or a delivery is typed by people, and is the document of its row in the log."""
        self.returned(references=self.subject.reference)
        before = self.opened_today()
        for mark in ("volume:x", "lookup:name", "lookup:volume:x"):
            self.reveal(self.subject, document=mark)
        self.assertEqual(self.opened_today(), before + 3)

    def test_another_grant_lends_it_nothing(self):
        request = self.returned(references=self.subject.reference)
        with volumes.of_grant(request.grant_id.id), self.assertRaises(AccessError):
            self.reveal(self.subjects[5])
        with patch.object(volumes, "left", lambda cr, grant: 0), self.assertRaises(AccessError):
            request.action_pack()
