"""Reading the archive: a request, a reason, a second person, a time box; everything else is refused and logged."""

from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import archive, archive_reading
from odoo.addons.pii_retention.statutes import Dates

from .archive_common import CONTENT, XML, ArchiveCase


@tagged("post_install", "-at_install")
class TestArchiveReading(ArchiveCase):
    def setUp(self):
        super().setUp()
        self.item = self.keep()

    def read(self, request, item=None, user=None):
        user = user or self.accountant
        with self.acting(user):
            return archive_reading.read(request.with_user(user), (item or self.item).with_user(user))

    def assertRefused(self, request, pattern, item=None, user=None, acting=None):
        before = len(self.looked(item or self.item))
        with self.acting(acting or user or self.accountant), self.assertRaisesRegex(AccessError, pattern):
            user = user or self.accountant
            archive_reading.read(request.with_user(user), (item or self.item).with_user(user))
        rows = self.looked(item or self.item)[before:]
        self.assertEqual([(row[0], row[1]) for row in rows], [("refused", "archive_read")])

    def test_not_a_second_longer_than_the_statute(self):
        """The key of its year may live on for months: from the day after its last one the document opens for nobody."""
        self.confirmed("FR")
        dates = Dates(date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 31))
        item = archive.keep(self.sealed(b"%PDF fiscal year"), self.document(code="FR", dates=dates))
        self.relax(tz="Pacific/Kiritimati")  # UTC+14
        with freeze_time("2036-03-31 09:59:59"):
            request = self.allow(self.ask(item))
            self.assertEqual(self.read(request, item), b"%PDF fiscal year")
        with freeze_time("2036-03-31 10:00:00"):
            self.assertRefused(request, "statute kept", item)

    def test_the_whole_way(self):
        request, before = self.ask(self.item), self.logged(self.subject)
        self.assertIn(self.officer, request.activity_ids.user_id)
        self.assertRefused(request, "approved")
        self.allow(request)
        self.assertFalse(request.activity_ids)
        self.assertTrue(request.with_user(self.accountant).can_read)
        self.assertEqual(self.read(request), CONTENT)
        self.assertEqual(self.read(request), CONTENT)
        opened = [row for row in self.looked(self.item) if row[0] == "opened"]
        self.assertEqual(opened, [("opened", "archive_read", self.accountant.id)] * 2, "each look has its line")
        self.assertEqual(self.logged(self.subject), before, "the vault was not asked")

    def test_the_time_box(self):
        request = self.allow(self.ask(self.item, minutes=30))
        start, end = request.date_start, request.date_end
        self.assertEqual(end - start, timedelta(minutes=30))
        with freeze_time(end - timedelta(seconds=1)):
            self.assertEqual(self.read(request), CONTENT)
        with freeze_time(end + timedelta(seconds=1)):
            self.assertRefused(request, "is over")
        with freeze_time(start - timedelta(seconds=1)):
            self.assertRefused(request, "is over")
        print("FIGURE archive_read_box_seconds", int((end - start).total_seconds()), "s")

    def test_the_figure_of_the_policy(self):
        self.assertEqual(self.company._pii_figure("archive_read_minutes"), 60)
        with self.assertRaisesRegex(ValidationError, "60 minutes"):
            self.ask(self.item, minutes=61)
        request = self.ask(self.item, minutes=60)
        self.relax(archive_read_minutes=10)
        self.allow(request)
        self.assertEqual(request.date_end - request.date_start, timedelta(minutes=10))

    def test_two_persons(self):
        both = new_test_user(
            self.env, "vault_both", groups="pii_retention.group_fiscal,pii_retention.group_privacy_officer"
        )
        request = self.ask(self.item, user=both)
        with self.acting(both), self.assertRaisesRegex(UserError, "request of their own"):
            request.with_user(both).action_approve()
        with self.acting(None), self.assertRaises(AccessError):
            request.with_user(self.officer).action_approve()
        with self.acting(self.accountant), self.assertRaises(AccessError):
            request.with_user(self.accountant).action_approve()
        self.allow(request, self.officer)
        self.assertEqual(self.read(request, user=both), CONTENT)

    def test_forged(self):
        request = self.ask(self.item)
        now = fields.Datetime.now()
        box = {"date_start": now - timedelta(minutes=1), "date_end": now + timedelta(hours=1)}
        request.sudo().write({"state": "approved", "decided_by_id": self.officer.id, **box})
        self.assertRefused(request, "approved")
        genuine = self.allow(self.ask(self.item))
        # a genuine seal on another request, a longer time, other documents, another reader
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE pii_archive_request a SET terms_seal = b.terms_seal FROM pii_archive_request b "
            "WHERE a.id = %s AND b.id = %s",
            [request.id, genuine.id],
        )
        self.env.invalidate_all()
        self.assertRefused(request, "approved")
        other = self.keep(content=b"%PDF other")
        for change in (
            {"date_end": now + timedelta(days=1)},
            {"requester_id": self.officer.id},
            {"item_ids": [Command.link(other.id)]},
            {"reason": "another reason altogether"},
            {"authority": "Somebody else"},
            {"decided_by_id": self.second_officer.id},
        ):
            with self.env.cr.savepoint() as savepoint:
                genuine.sudo().write(change)
                self.env.flush_all()
                user = self.officer if "requester_id" in change else self.accountant
                with self.acting(user), self.assertRaises(AccessError):
                    archive_reading.read(genuine.with_user(user), self.item.with_user(user))
                savepoint.rollback()
            self.env.invalidate_all()
        self.assertEqual(self.read(genuine), CONTENT)

    def test_self_approved_by_hand(self):
        request = self.allow(self.ask(self.item))
        self.env.cr.execute("UPDATE pii_archive_request SET decided_by_id = requester_id WHERE id = %s", [request.id])
        self.env.invalidate_all()
        self.assertRefused(request, "approved")

    def test_revoked_and_refused(self):
        request = self.allow(self.ask(self.item))
        self.assertEqual(self.read(request), CONTENT)
        request.with_user(self.accountant).action_revoke()
        self.assertRefused(request, "approved")
        request = self.ask(self.item)
        with self.acting(self.officer):
            request.with_user(self.officer).action_refuse()
            with self.assertRaisesRegex(UserError, "already"):
                request.with_user(self.officer).action_approve()
        self.assertRefused(request, "approved")

    def test_others_and_other_documents(self):
        request = self.allow(self.ask(self.item))
        other = self.keep(content=b"%PDF other")
        self.assertRefused(request, "not asked for", item=other)
        colleague = new_test_user(self.env, "vault_colleague", groups="pii_retention.group_fiscal")
        self.assertRefused(request, "not your request", user=colleague)
        self.assertRefused(request, "not your request", user=self.officer)
        # in his name, by somebody else's hand; without a person; with nobody's session
        self.assertRefused(request, "signed in", acting=colleague)
        with self.acting(None):
            with self.assertRaises(AccessError):
                archive_reading.read(request.with_user(self.accountant), self.item.with_user(self.accountant))

    def test_no_grant_stands_in(self):
        with self.assertRaises(ValidationError):
            self.grant(self.accountant, "archive_read")
        with (
            self.acting(self.accountant),
            self.assertRaises(AccessError),
            self.subject.with_user(self.accountant).reveal("archive_read", "a legal request came in"),
        ):
            pass
        self.assertNotIn(
            "archive_read", [line["code"] for line in self.subject.with_user(self.accountant).pii_purposes()]
        )

    def test_bad_requests(self):
        for vals in (
            {"item_ids": []},
            {"reason": "x"},
            {"reason": "call +49 30 1234567 about it"},
            {"minutes": 100000},
        ):
            with self.assertRaises(ValidationError):
                self.ask(self.item, **vals)
        for vals in ({"state": "approved"}, {"requester_id": self.officer.id}, {"terms_seal": "x"}):
            with self.assertRaises(AccessError):
                self.ask(self.item, **vals)
        for user in (self.nobody, self.auditor, self.officer):
            with self.assertRaises(AccessError):
                self.ask(self.item, user=user)
        request = self.ask(self.item)
        with self.assertRaises(AccessError):
            request.with_user(self.accountant).write({"minutes": 1})
        # what a context says about a new request decides nothing
        request = (
            self.env["pii.archive.request"]
            .with_user(self.accountant)
            .with_context(default_state="approved", default_requester_id=self.officer.id)
            .create({"item_ids": [Command.set(self.item.ids)], "authority": "Tax office", "reason": "an audit of it"})
        )
        self.assertEqual((request.state, request.requester_id), ("requested", self.accountant))

    def test_limits(self):
        request = self.allow(self.ask(self.item))
        limit = self.env["pii.purpose.limit"].search([("purpose", "=", "archive_read")])
        with self.env.registry.cursor() as cr:
            # the log of earlier tests is committed
            cr.execute(
                "SELECT count(*) FROM pii_access_log WHERE user_ref = %s AND purpose = 'archive_read' "
                "AND outcome = 'opened' AND at > now() AT TIME ZONE 'UTC' - interval '1 hour'",
                [self.accountant.id],
            )
            limit.per_hour = cr.fetchone()[0] + 1
        self.assertEqual(self.read(request), CONTENT)
        self.assertRefused(request, "the limit is")

    def test_a_destroyed_document(self):
        request = self.allow(self.ask(self.item))
        self.env.cr.execute("UPDATE pii_archive_item SET amount = 1 WHERE id = %s", [self.item.id])
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            self.read(request)
        self.assertEqual(self.looked(self.item)[-1][0], "failed")


@tagged("post_install", "-at_install")
class TestArchiveScreen(HttpCase, ArchiveCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    def test_in_the_browser(self):
        self.accountant.password = self.accountant.login + "-password"
        items = self.keep() | self.keep(content=XML)
        request = self.allow(self.ask(items))
        self.authenticate(self.accountant.login, self.accountant.login + "-password")
        for item, content in zip(items, (CONTENT, XML), strict=True):
            action = item.with_context(archive_request_id=request.id).action_read()
            response = self.url_open(action["url"])
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.content, content)
            self.assertEqual(response.headers["Cache-Control"], "no-store")
            self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
            self.assertTrue(response.headers["Content-Disposition"].startswith("inline"))
            self.assertNotIn("ETag", response.headers)
        self.assertEqual(response.headers["Content-Type"], "application/pdf")
        request.with_user(self.accountant).action_revoke()
        with mute_logger("odoo.http"):
            response = self.url_open(f"/pii/archive/{request.id}/{items[0].id}")
        self.assertEqual(response.status_code, 403)
        self.assertNoCanary(response.text, "the refusal")
