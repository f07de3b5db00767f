from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo import SUPERUSER_ID, Command, api, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import gate, grants
from odoo.addons.pii_retention.purposes import PURPOSES

from .common import PERSON
from .test_gate import ROLES, GateCase


@tagged("post_install", "-at_install")
class TestGrants(GateCase):
    """What gives leave, and what takes it."""

    def test_revoked_in_mid_transaction(self):
        """The facts come from a connection of their own, on which a revocation committed elsewhere shows at once."""
        self.assertEqual(self.open(), [PERSON["name"]])
        asked = []

        def facts(env, cr):
            asked.append(cr)
            return api.Environment(self.cr, SUPERUSER_ID, {})

        with patch.object(gate, "_facts", facts):
            self.open()
        self.assertIsNot(asked[0], self.cr, "the gate looks at a connection of its own")
        self.env["pii.grant"]._live(self.clerk.id, "label").with_user(self.clerk).action_revoke()
        self.assertRefused("no_role", self.open)

    def test_an_overdue_review_goes_to_all_officers(self):
        with self.acting(self.clerk):
            answer = self.subject.with_user(self.clerk).break_glass("incident", "driver waits outside")
        glass = self.env["pii.grant"].browse(answer["grant_id"])
        later = self.new_user("later_officer", "pii_retention.group_privacy_officer")
        alert = self.env["pii.alert"].search_count([("kind", "=", "review")])
        self.env["pii.grant"]._cron_lapse()
        self.assertFalse(glass.escalated_at, "there is time yet")
        with freeze_time(glass.review_deadline + timedelta(minutes=1)):
            self.env["pii.grant"]._cron_lapse()
            self.env["pii.grant"]._cron_lapse()
        raised = self.env["pii.alert"].search([("kind", "=", "review")])
        self.assertEqual(len(raised), alert + 1, "once")
        self.assertEqual(raised[0].user_id, self.clerk)
        self.assertIn(self.subject.reference, raised[0].detail)
        for officer in self.officer | later:
            self.assertTrue(glass.activity_search(["pii_retention.activity_review"], user_id=officer.id))
            self.assertTrue(raised[0].activity_search(["pii_retention.activity_alert"], user_id=officer.id))

    def test_a_reviewed_glass_is_not_escalated(self):
        with self.acting(self.clerk):
            answer = self.subject.with_user(self.clerk).break_glass("incident", "driver waits outside")
        glass = self.env["pii.grant"].browse(answer["grant_id"])
        with self.acting(self.officer):
            glass.with_user(self.officer).action_review()
        with freeze_time(glass.review_deadline + timedelta(days=1)):
            self.env["pii.grant"]._cron_lapse()
        self.assertFalse(glass.escalated_at)

    def test_a_role_is_asked_for_in_each_company(self):
        second, third = self.env["res.company"].create([{"name": "Second"}, {"name": "Third"}])
        user = self.new_user("gate_two_companies", "base.group_user")
        user.company_ids = self.company | second
        user.group_ids = [Command.link(self.env.ref("pii_retention.group_fulfilment").id)]
        requests = self.requested(user)
        self.assertEqual(requests.company_id, self.company | second)
        self.assertEqual(len(requests), 2)
        user.company_ids = [Command.link(third.id)]
        self.assertEqual(self.requested(user).company_id, self.company | second | third)
        self.assertEqual(len(self.requested(user)), 3)

    def test_two_approvers_at_once(self):
        # both officers' transactions are real ones, so the request is committed, and removed again
        with self.env.registry.cursor() as cr:
            cr.execute("SET LOCAL lock_timeout = '5s'")
            cr.execute(
                """INSERT INTO pii_grant (user_id, purpose, kind, company_id, reason, date_start, date_end, state)
                   VALUES (%s, 'label', 'temporary', %s, 'two officers decide', now(), now() + interval '1h',
                           'requested') RETURNING id""",
                [self.env.ref("base.user_admin").id, self.env.ref("base.main_company").id],
            )
            grant_id = cr.fetchone()[0]
            cr.commit()
            self.addCleanup(self._remove, grant_id)
            api.Environment(cr, SUPERUSER_ID, {})["pii.grant"].browse(grant_id)._lock()
            with self.env.registry.cursor() as other, mute_logger("odoo.sql_db"):
                second = api.Environment(other, SUPERUSER_ID, {})["pii.grant"].browse(grant_id)
                with self.assertRaises(UserError) as caught:
                    second._lock()
            self.assertIn("Somebody else is deciding", str(caught.exception))

    def _remove(self, grant_id):
        with self.env.registry.cursor() as cr:
            cr.execute("DELETE FROM pii_grant WHERE id = %s", [grant_id])

    def test_decided_once(self):
        user = self.new_user("gate_new", ROLES)
        requests = self.requested(user)
        self.approve(requests)
        with self.acting(self.officer), self.assertRaises(UserError):
            requests.with_user(self.officer).action_approve()
        with self.acting(self.officer), self.assertRaises(UserError):
            requests.with_user(self.officer).action_refuse()

    def test_nobody_approves_his_own_request(self):
        self.officer.write({"group_ids": [Command.link(self.env.ref("pii_retention.group_fulfilment").id)]})
        own = self.requested(self.officer)
        self.assertTrue(own)
        with self.acting(self.officer), self.assertRaises(UserError):
            own.with_user(self.officer).action_approve()
        self.assertEqual(own.state, "requested")

    def test_nobody_approves_what_he_requested_for_another(self):
        with self.acting(self.officer):
            request = self.env["pii.grant"].with_user(self.officer).create(
                {"user_id": self.nobody.id, "purpose": "label", "reason": "for a colleague"}
            )  # fmt: skip
            self.assertFalse(request.can_decide)
            with self.assertRaises(UserError):
                request.action_approve()

    def test_only_an_officer_in_person_decides(self):
        request = self.requested(self.new_user("gate_new", ROLES))[:1]
        attempts = (
            (self.clerk, self.clerk),  # no officer
            (self.clerk, self.officer),  # in the name of one
            (None, self.officer),  # a script in the name of one
        )
        for person, user in attempts:
            with self.subTest(person=person, user=user), self.acting(person), self.assertRaises(AccessError):
                request.with_user(user).sudo().action_approve()
        self.assertEqual(request.state, "requested")

    def test_a_grant_that_ends_before_it_starts(self):
        now = fields.Datetime.now()
        muted = mute_logger("odoo.sql_db")
        with muted, self.assertRaises(CheckViolation) as caught, self.env.cr.savepoint():
            self.env["pii.grant"].create(
                {
                    "user_id": self.clerk.id,
                    "purpose": "label",
                    "reason": "ends too early",
                    "date_start": now,
                    "date_end": now - timedelta(hours=1),
                }
            )
            self.env.flush_all()
        self.assertIn("end_after_start", str(caught.exception))

    def test_what_is_over_is_not_approved(self):
        now = fields.Datetime.now()
        request = self.env["pii.grant"].create(
            {
                "user_id": self.nobody.id,
                "purpose": "label",
                "reason": "long ago",
                "date_start": now - timedelta(hours=3),
                "date_end": now - timedelta(hours=1),
            }
        )
        with self.assertRaises(UserError):
            self.approve(request)

    def test_no_grant_is_longer_than_the_policy(self):
        request = self.env["pii.grant"].create(
            {
                "user_id": self.nobody.id,
                "purpose": "label",
                "reason": "for a whole year",
                "date_end": fields.Datetime.now() + timedelta(days=365),
            }
        )
        self.approve(request)
        hours = self.company._pii_policy().grant_temporary_hours
        self.assertLessEqual(request.date_end, fields.Datetime.now() + timedelta(hours=hours))

    def test_a_deactivated_user_loses_all(self):
        live = self.env["pii.grant"]._live(self.clerk.id)
        self.assertTrue(live)
        self.clerk.active = False
        self.assertEqual(set(live.mapped("state")), {"revoked"})
        self.assertRefused("impersonation", self.open)
        self.clerk.active = True
        self.assertRefused("no_role", self.open)

    def test_a_standing_grant_lapses_with_its_role(self):
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        self.assertEqual(grant.kind, "standing")
        days = self.company._pii_policy().grant_standing_days
        self.assertAlmostEqual(grant.date_end, fields.Datetime.now() + timedelta(days=days), delta=timedelta(hours=1))
        grant.sudo().date_end = fields.Datetime.now() - timedelta(seconds=1)
        grant.sudo().date_start = fields.Datetime.now() - timedelta(days=1)
        self.env.flush_all()
        self.assertRefused("no_grant", lambda: self.open(purpose="invoice"))
        self.env["pii.grant"]._cron_lapse()
        self.assertFalse(self.clerk.has_group("pii_retention.group_fiscal"))

    def test_renewed(self):
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        soon = fields.Datetime.now() + timedelta(days=1)
        grant.sudo().date_end = soon
        self.env.flush_all()
        # written by hand it is no longer what was approved
        self.assertRefused("no_grant", lambda: self.open(purpose="invoice"))
        grants.seal(grant, grant._terms())
        self.env["pii.grant"]._cron_lapse()
        self.assertTrue(grant.activity_search(["pii_retention.activity_renew"]), "the officers are reminded")
        with self.acting(self.officer):
            grant.with_user(self.officer).action_renew()
        self.env.flush_all()
        self.assertGreater(grant.date_end, soon)
        self.assertEqual(self.open(purpose="invoice"), [PERSON["name"]])
        with self.acting(self.officer), self.assertRaises(UserError):
            self.env["pii.grant"]._live(self.clerk.id, "label").with_user(self.officer).action_renew()

    def test_an_administrator_gives_a_role_and_asks_by_that(self):
        user = self.new_user("gate_new", "base.group_user")
        self.assertFalse(self.requested(user))
        user.write({"group_ids": [Command.link(self.env.ref("pii_retention.group_fulfilment").id)]})
        request = self.requested(user)
        self.assertEqual((request.purpose, request.kind, request.state), ("label", "standing", "requested"))
        self.assertTrue(request.activity_search(["pii_retention.activity_decide"], user_id=self.officer.id))
        self.assertRefused("no_grant", lambda: self.open(user=user))

    def test_a_role_taken_away_ends_the_grant(self):
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        self.clerk.write({"group_ids": [Command.unlink(self.env.ref("pii_retention.group_fiscal").id)]})
        self.assertEqual(grant.state, "revoked")

    def test_an_employee_by_the_role_alone_stays_one(self):
        user = self.new_user("gate_only", "pii_retention.group_fulfilment")
        user.write({"group_ids": [Command.set([self.env.ref("pii_retention.group_fulfilment").id])]})
        self.assertNotIn(self.env.ref("base.group_user"), user.group_ids)
        self.requested(user)._revoke("No longer in the warehouse.")
        self.assertNotIn(self.env.ref("pii_retention.group_fulfilment"), user.all_group_ids)
        self.assertTrue(user._is_internal())

    def test_break_glass(self):
        other = self.seal("402-0000000-0000079")
        fiscal = self.new_user("gate_fiscal", "pii_retention.group_fiscal")
        self.assertRefused("no_role", lambda: self.open(user=fiscal))
        with self.acting(fiscal):
            answer = self.subject.with_user(fiscal).break_glass("label", "driver waits at the gate")
        self.env.flush_all()
        grant = self.env["pii.grant"].browse(answer["grant_id"])
        self.assertEqual(self.open(user=fiscal), [PERSON["name"]])
        self.assertRefused("no_role", lambda: self.open(other, user=fiscal), other)
        self.assertIn(self.officer.partner_id, grant.message_ids.notified_partner_ids)
        self.assertTrue(grant.activity_search(["pii_retention.activity_review"], user_id=self.officer.id))
        policy = self.company._pii_policy()
        self.assertLessEqual(grant.date_end, fields.Datetime.now() + timedelta(minutes=policy.break_glass_minutes))
        self.assertTrue(grant.review_deadline)
        with self.acting(self.officer):
            grant.with_user(self.officer).action_review()
        self.assertEqual(grant.reviewed_by_id, self.officer)

    def test_whose_glass_is_not_broken(self):
        attempts = (
            (self.nobody, self.subject, "label", "driver waits outside", AccessError),  # no role at all
            (self.clerk, self.subject, "label", "hurry", UserError),
            (self.clerk, self.subject, "nonsense", "driver waits outside", UserError),
            (self.clerk, self.subject, "import_decision", "driver waits outside", UserError),
        )
        for user, subject, purpose, reason, error in attempts:
            with self.subTest(purpose=purpose, reason=reason), self.acting(user), self.assertRaises(error):
                subject.with_user(user).break_glass(purpose, reason)
        with self.acting(None), self.assertRaises(AccessError):
            self.subject.with_user(self.clerk).break_glass("label", "driver waits outside")
        self.env["res.users"].search([]).group_ids = [
            Command.unlink(self.env.ref("pii_retention.group_privacy_officer").id)
        ]
        with self.acting(self.clerk), self.assertRaises(UserError):
            self.subject.with_user(self.clerk).break_glass("label", "driver waits outside")

    def test_asked_for_and_approved(self):
        with self.acting(self.nobody):
            for reason in ("", "please", "please please"):
                with self.assertRaises(UserError):
                    self.subject.with_user(self.nobody).request_access("label", reason)
            answer = self.subject.with_user(self.nobody).request_access("label", "covering for a colleague")
        self.assertRefused("no_role", lambda: self.open(user=self.nobody))
        self.approve(self.env["pii.grant"].browse(answer["grant_id"]))
        self.assertEqual(self.open(user=self.nobody), [PERSON["name"]])

    def test_terms_that_cannot_be(self):
        service = next(code for code, purpose in PURPOSES.items() if "group_service" in purpose.groups[0])
        for vals in (
            {"purpose": service},
            {"purpose": "incident", "kind": "standing"},
            {"purpose": "label", "kind": "break_glass"},
            {"purpose": "label", "company_id": False},
        ):
            with self.subTest(vals=vals), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.env["pii.grant"].create({"user_id": self.clerk.id, "reason": "cannot be", **vals})

    def test_decided_grants_stay(self):
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        with self.assertRaises(AccessError):
            grant.with_user(self.officer).write({"reason": "another"})
        with self.assertRaises(AccessError):
            grant.with_user(self.officer).unlink()
        with self.assertRaises(AccessError):
            grant.with_user(self.clerk).write({"state": "approved"})
