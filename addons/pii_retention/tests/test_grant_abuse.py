from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention import grants

from .test_gate import ROLES, GateCase


@tagged("post_install", "-at_install")
class TestRequestAbuse(GateCase):
    """What a request says is what whoever asked has said, and what is sealed is what the officer has read."""

    def request(self, user, **vals):
        return self.env["pii.grant"].with_user(user).create(
            {"user_id": user.id, "purpose": "label", "reason": "covering for a colleague", **vals}
        )  # fmt: skip

    def test_the_context_decides_nothing(self):
        context = {
            "default_state": "approved",
            "default_kind": "break_glass",
            "default_decided_by_id": self.officer.id,
            "default_requested_by_id": self.officer.id,
            "default_subject_ids": self.subject.ids,
        }
        grant = self.env["pii.grant"].with_user(self.nobody).with_context(**context).create(
            {"user_id": self.nobody.id, "purpose": "label", "reason": "covering for a colleague"}
        )  # fmt: skip
        self.assertEqual((grant.state, grant.kind), ("requested", "temporary"))
        self.assertFalse(grant.decided_by_id)
        self.assertEqual(grant.requested_by_id, self.nobody)

    def test_a_users_defaults_decide_nothing(self):
        for name, value in (("state", "approved"), ("kind", "break_glass")):
            self.env["ir.default"].set("pii.grant", name, value, user_id=self.nobody.id)
        with self.acting(self.nobody):
            answer = self.subject.with_user(self.nobody).request_access("label", "covering for a colleague")
        self.assertEqual(answer["state"], "requested")
        self.assertEqual(self.request(self.nobody).state, "requested")

    def test_whoever_asked_has_asked(self):
        """An officer who writes somebody else's name below his own request would decide about it."""
        request = self.request(self.officer, user_id=self.nobody.id)
        with self.assertRaises(AccessError):
            request.write({"requested_by_id": self.clerk.id})
        self.assertEqual(request.requested_by_id, self.officer)

    def test_a_request_is_not_changed(self):
        """Neither by an officer, who would decide about terms of his own, nor while an officer is reading it."""
        request = self.request(self.nobody, subject_ids=[Command.set(self.subject.ids)])
        for user in (self.nobody, self.officer):
            for vals in (
                {"subject_ids": [Command.clear()]},
                {"kind": "standing"},
                {"user_id": self.clerk.id},
                {"purpose": "incident"},
            ):
                with self.subTest(user=user, vals=vals), self.assertRaises(AccessError):
                    request.with_user(user).write(vals)

    def test_what_was_never_approved_is_not_renewed(self):
        """An officer extends what another has approved; a row that somebody wrote is not made genuine by that."""
        now = fields.Datetime.now()
        forged = self.env["pii.grant"].sudo().create(
            {
                "user_id": self.nobody.id,
                "requested_by_id": self.clerk.id,
                "decided_by_id": self.officer.id,
                "purpose": "label",
                "kind": "standing",
                "reason": "forged by hand",
                "date_start": now - timedelta(days=80),
                "date_end": now + timedelta(days=10),
                "state": "approved",
            }
        )  # fmt: skip
        with self.acting(self.officer), self.assertRaises(UserError):
            forged.with_user(self.officer).action_renew()
        self.assertFalse(forged.terms_seal)
        self.assertFalse(self.nobody.has_group("pii_retention.group_fulfilment"))

    def test_nobody_renews_what_he_asked_for(self):
        user = self.new_user("gate_new", "base.group_user")
        other = self.new_user("gate_officer", "pii_retention.group_privacy_officer")
        request = self.request(self.officer, user_id=user.id, kind="standing")
        with self.acting(other):
            request.with_user(other).action_approve()
        with self.acting(self.officer), self.assertRaises(UserError):
            request.with_user(self.officer).action_renew()
        with self.acting(other):
            request.with_user(other).action_renew()

    def test_a_reason_says_something(self):
        for reason in ("", " ", "work", "work work", "x y z", "write to anna@example.com", "call +49 30 99887766"):
            with self.subTest(reason=reason):
                with self.assertRaises(ValidationError):
                    self.request(self.nobody, reason=reason)
                with self.acting(self.clerk), self.assertRaises(UserError):
                    self.subject.with_user(self.clerk).break_glass("incident", reason)
                with self.acting(self.nobody), self.assertRaises(UserError):
                    self.subject.with_user(self.nobody).request_access("label", reason)

    def test_a_malformed_request(self):
        with self.assertRaises(ValueError):
            self.request(self.nobody, kind="nonsense")
        unset = self.request(self.nobody, date_start=False, date_end=False)
        hours = self.company._pii_policy().grant_temporary_hours
        self.assertEqual(unset.date_end - unset.date_start, timedelta(hours=hours))
        for reason, hours in ((["a list", "of words"], 1), ("covering for a colleague", "many"), (None, 1)):
            with self.subTest(reason=reason, hours=hours), self.acting(self.nobody), self.assertRaises(UserError):
                self.subject.with_user(self.nobody).request_access("label", reason, hours)

    def test_portal_users_ask_for_nothing(self):
        portal = new_test_user(self.env, "gate_portal", groups="base.group_portal")
        with self.acting(portal), self.assertRaises(AccessError):
            self.subject.with_user(portal).request_access("label", "covering for a colleague")
        with self.assertRaises(ValidationError):
            self.env["pii.grant"].create(
                {"user_id": portal.id, "purpose": "label", "reason": "covering for a colleague"}
            )

    def test_a_glass_is_not_broken_in_silence(self):
        context = {"mail_activity_automation_skip": True}
        with self.acting(self.clerk):
            answer = self.subject.with_user(self.clerk).with_context(**context).break_glass("incident", "driver waits")
        glass = self.env["pii.grant"].browse(answer["grant_id"])
        self.assertTrue(glass.activity_search(["pii_retention.activity_review"], user_id=self.officer.id))

    def test_an_emptied_glass_covers_nobody(self):
        with self.acting(self.clerk):
            answer = self.subject.with_user(self.clerk).break_glass("incident", "driver waits outside")
        glass = self.env["pii.grant"].browse(answer["grant_id"])
        grant_model = self.env["pii.grant"]
        self.assertTrue(grant_model._has_break_glass(self.clerk.id, "incident", self.subject))
        other = self.seal("402-0000000-0000081")
        glass.sudo().subject_ids = [Command.set(other.ids)]
        self.assertFalse(grant_model._has_break_glass(self.clerk.id, "incident", other), "not what was sealed")
        self.env.cr.execute("DELETE FROM pii_grant_pii_subject_rel WHERE pii_grant_id = %s", [glass.id])
        self.env.invalidate_all()
        self.assertFalse(glass._covered(self.subject | other))

    def test_each_grant_needs_its_own_role(self):
        """Leave for a single customer does not stand in for the role that another grant takes."""
        other = self.seal("402-0000000-0000082")
        with self.acting(self.clerk):
            answer = other.with_user(self.clerk).request_access("invoice", "one credit note")
        self.approve(self.env["pii.grant"].browse(answer["grant_id"]))
        self.take_role_by_sql(self.clerk, "pii_retention.group_fiscal")
        self.assertTrue(self.open(other, purpose="invoice"))
        self.assertRefused("no_role", lambda: self.open(self.subject | other, purpose="invoice"))


@tagged("post_install", "-at_install")
class TestTermsUnderWay(GateCase):
    """A class of its own: the registry forgets the field of an administrator's own at the end of the class."""

    def test_terms_that_change_while_they_are_approved(self):
        """A field of an administrator's own is computed in the officer's transaction, and may write."""
        thief = self.new_user("gate_thief", ROLES)
        request = (
            self.env["pii.grant"]
            .with_user(self.nobody)
            .create(
                {
                    "user_id": self.nobody.id,
                    "purpose": "label",
                    "reason": "covering for a colleague",
                    "subject_ids": [Command.set(self.subject.ids)],
                }
            )
        )
        self.env["ir.model.fields"].create(
            {
                "name": "x_helpful",
                "model_id": self.env["ir.model"]._get_id("pii.grant"),
                "ttype": "integer",
                "store": True,
                "depends": "state",
                "compute": f"""
for grant in self:
    grant['x_helpful'] = 1
    if grant.state == 'approved' and grant.reason == 'covering for a colleague':
        grant.sudo().write({{'user_id': {thief.id}, 'subject_ids': [(5, 0, 0)]}})
""",
            }
        )
        try:
            self.approve(request)
        except (AccessError, UserError):
            return
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(request.user_id, thief, "the field has done its work")
        self.assertFalse(grants.is_genuine(request))
        self.assertRefused("no_grant", lambda: self.open(user=thief))
