from datetime import timedelta
from functools import partial
from itertools import count
from unittest.mock import patch

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.pii_retention import channel, evaluated, grants, keys

from .common import PERSON, VaultCase

_numbers = count(1)
ROLES = "pii_retention.group_fulfilment,pii_retention.group_fiscal"


class GateCase(VaultCase):
    def setUp(self):
        super().setUp()
        # the log outlives each test: a subject and a person of its own keep the tests apart
        self.subject = self.seal(f"402-1111111-{next(_numbers):07}")
        self.partner = self.subject._partner()

    def entitled(self):
        """Return a new user with a grant for labels, who has opened nothing yet."""
        user = self.new_user(f"gate_entitled_{next(_numbers)}", ROLES)
        self.grant(user, "label")
        return user

    def open(self, subjects=None, purpose="label", reason=None, user=None):
        """Reveal as ``user`` (the clerk) and return the names seen."""
        user, subjects = user or self.clerk, subjects or self.subject
        partners = [subject._partner().id for subject in subjects]
        with self.acting(user), subjects.with_user(user).reveal(purpose, reason) as env:
            return env["res.partner"].browse(partners).mapped("name")

    def causes(self, subject=None):
        """Return the causes of the refusals logged for the subject."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT cause FROM pii_access_log WHERE subject_uuid = %s AND outcome = 'refused' ORDER BY id",
                [(subject or self.subject).uuid],
            )
            return [row[0] for row in cr.fetchall()]

    def assertRefused(self, cause, act, subject=None):
        before = self.causes(subject)
        with self.assertRaises(AccessError):
            act()
        self.assertEqual(self.causes(subject), [*before, cause])

    def new_user(self, login, groups):
        return new_test_user(self.env, login, groups=groups)

    def requested(self, user):
        return self.env["pii.grant"].search([("user_id", "=", user.id), ("state", "=", "requested")])

    def take_role_by_sql(self, user, role):
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s", [user.id, self.env.ref(role).id]
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def limit(self, purpose, **vals):
        limit = self.env["pii.purpose.limit"]._of_purpose(purpose)
        limit.write(vals)
        return limit


@tagged("post_install", "-at_install")
class TestCauses(GateCase):
    """Each condition refuses by itself, and says which one it was."""

    def test_an_entitled_person_passes(self):
        self.assertEqual(self.open(), [PERSON["name"]])
        self.assertEqual(self.causes(), [])

    def test_no_role(self):
        self.assertRefused("no_role", lambda: self.open(user=self.nobody))
        self.assertRefused("no_role", lambda: self.open(user=self.officer))

    def test_no_grant(self):
        user = self.new_user("gate_new", ROLES)
        self.assertRefused("no_grant", lambda: self.open(user=user))
        self.assertRefused("no_grant", lambda: self.open(purpose="invoice", user=user))

    def test_a_grant_outlives_no_role(self):
        self.take_role_by_sql(self.clerk, "pii_retention.group_fiscal")
        self.assertTrue(self.env["pii.grant"]._live(self.clerk.id, "invoice"), "the grant itself is still there")
        self.assertRefused("no_role", lambda: self.open(purpose="invoice"))

    def test_no_mfa(self):
        self.company._pii_policy().mfa_required = True
        self.assertRefused("no_mfa", self.open)
        with patch.object(type(self.clerk), "_mfa_type", lambda _self: "totp"):
            self.assertEqual(self.open(), [PERSON["name"]])

    def test_api_key(self):
        with patch.object(channel, "caller", lambda: channel.Caller(channel.RPC, address="192.0.2.7")):
            self.assertRefused("api_key", self.open)

    def test_impersonation(self):
        other = self.new_user("gate_other", "base.group_user")
        with self.acting(other):
            act = self.subject.with_user(self.clerk).reveal("label")
            self.assertRefused("impersonation", act.__enter__)
        with self.acting(None):
            act = self.subject.with_user(self.clerk).reveal("label")
            self.assertRefused("impersonation", act.__enter__)
            act = self.subject.with_user(SUPERUSER_ID).reveal("label")
            self.assertRefused("impersonation", act.__enter__)

    def test_a_service_identity_is_no_person(self):
        service = self.new_user("gate_service", "pii_retention.group_service")
        self.assertRefused("impersonation", lambda: self.open(purpose="import_decision", user=service))

    def test_a_service_identity_is_named_by_code(self):
        """Whoever writes to the database makes no identity of his own: the list is in the addons."""
        service = self.new_user("gate_service", "pii_retention.group_service")
        forged = {"kind": "service", "purpose": "import_decision", "user_id": service.id, "reason": "forged grant"}
        self.env["pii.grant"].sudo().create({**forged, "state": "approved"})
        with self.acting(None):
            act = self.subject.with_user(service).reveal("import_decision")
            self.assertRefused("no_grant", act.__enter__)

    def test_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        subject = self.seal("402-0000000-0000077", company_id=other.id)
        self.assertRefused("company", lambda: self.open(subject), subject)

    def test_rate(self):
        user = self.entitled()
        self.limit("label", per_hour=2)
        self.open(user=user)
        self.open(user=user)
        self.assertRefused("rate", lambda: self.open(user=user))
        self.limit("label", per_hour=100, per_day=2)
        self.assertRefused("rate", lambda: self.open(user=user))

    def test_one_persons_rate_is_not_anothers(self):
        one, other = self.entitled(), self.entitled()
        self.limit("label", per_hour=1)
        self.open(user=one)
        self.assertRefused("rate", lambda: self.open(user=one))
        self.assertEqual(self.open(user=other), [PERSON["name"]])

    def test_volume(self):
        subjects = self.subject | self.seal("402-0000000-0000078")
        self.limit("label", max_subjects=1)
        self.assertRefused("volume", lambda: self.open(subjects))
        self.limit("label", max_subjects=2)
        self.assertEqual(set(self.open(subjects)), {PERSON["name"]})

    def test_without_limits_nothing_opens(self):
        self.limit("label").unlink()
        self.assertRefused("volume", self.open)

    def test_reason(self):
        care = self.new_user("gate_care", "pii_retention.group_customer_care")
        self.approve_roles(care)
        for reason in (None, "", "   ", "refund", "refund refund", "x y z", "write to anna@example.com please",
                       "call back +49 30 99887766"):  # fmt: skip
            with self.subTest(reason=reason):
                self.assertRefused("reason", partial(self.open, None, "customer_service", reason, care))
        seen = self.open(purpose="customer_service", reason="parcel arrived broken", user=care)
        self.assertEqual(seen, [PERSON["name"]])

    def test_a_reason_that_names_somebody_is_not_kept(self):
        self.assertRefused("reason", lambda: self.open(reason="write to anna@example.com"))
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT count(*) FROM pii_access_log WHERE reason LIKE '%anna@%'")
            self.assertEqual(cr.fetchone()[0], 0)

    def test_purpose(self):
        for purpose in ("nonsense", "", None, "LABEL", "label "):
            with self.subTest(purpose=purpose):
                self.assertRefused("purpose", partial(self.open, None, purpose))

    def test_evaluated(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Copy the customer",
                "model_id": self.env["ir.model"]._get_id("pii.subject"),
                "state": "code",
                "code": "record.reveal('label').gen.send(None)",
            }
        )
        run = action.with_context(active_model="pii.subject", active_id=self.subject.id).with_user(self.clerk).sudo()
        before = self.causes()
        with self.acting(self.clerk), self.assertRaises(Exception):  # noqa: B017 - safe_eval wraps it
            run.run()
        self.assertEqual(self.causes()[len(before) :], ["evaluated"])

    def test_a_template_opens_nothing(self):
        """A generator needs no underscore to be advanced: a template could hold a reveal open and close it."""
        view = self.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "thief",
                "key": "pii_retention.thief",
                "arch": """<t t-name="pii_retention.thief"><t t-set="block" t-value="subject.reveal('label')"/>
                    <t t-set="inside" t-value="block.gen.send(None)"/>
                    <p t-out="inside['res.partner'].browse(partner_id).street"/>
                    <t t-set="closed" t-value="block.gen.close()"/></t>""",
            }
        )
        values = {"subject": self.subject.with_user(self.clerk), "partner_id": self.partner.id}
        before = self.causes()
        with self.acting(self.clerk), self.assertRaises(Exception) as caught:
            self.env["ir.qweb"].with_user(self.clerk)._render(view.id, values)
        self.assertNoCanary(caught.exception)
        self.assertEqual(self.causes()[len(before) :], ["evaluated"])

    def test_the_value_of_an_expression_is_kept(self):
        """``object_write`` stores what a formula returns: calling one method is no harmless call there."""
        seen = []

        class Model:
            def look(self):
                seen.append(evaluated.is_evaluated())

        safe_eval("model.look()", {"model": Model()}, mode="exec")
        safe_eval("model.look()", {"model": Model()}, mode="eval")
        safe_eval("x = model.look()", {"model": Model()}, mode="exec")
        self.assertEqual(seen, [False, True, True])


@tagged("post_install", "-at_install")
class TestForgedGrants(GateCase):
    """What writes to the database writes no leave."""

    def test_a_row_is_no_leave(self):
        user = self.new_user("gate_new", ROLES)
        vals = {"user_id": user.id, "purpose": "label", "kind": "temporary", "reason": "forged by hand"}
        with self.assertRaises(AccessError):
            self.env["pii.grant"].with_user(user).create({**vals, "state": "approved"})
        real = self.env["pii.grant"]._live(self.clerk.id, "label")[:1]
        for seal in (False, real.sudo().terms_seal, "00" * 32):
            forged = self.env["pii.grant"].sudo().create(
                {**vals, "state": "approved", "decided_by_id": self.officer.id}
            )  # fmt: skip
            forged.terms_seal = seal
            self.env.flush_all()
            self.assertTrue(forged.is_live)
            self.assertRefused("no_grant", lambda: self.open(user=user))

    def test_each_term_is_sealed(self):
        other = self.seal("402-0000000-0000080")
        now = fields.Datetime.now()
        user = self.new_user("gate_new", ROLES)
        with self.acting(user):
            answer = self.subject.with_user(user).request_access("label", "one parcel only")
        grant = self.approve(self.env["pii.grant"].browse(answer["grant_id"]))
        self.assertTrue(grants.is_genuine(grant))
        edits = (
            {"user_id": self.nobody.id},
            {"purpose": "invoice"},
            {"kind": "standing"},
            {"origin": "shop"},
            {"subject_ids": [Command.clear()]},
            {"subject_ids": [Command.link(other.id)]},
            {"date_start": now - timedelta(days=9)},
            {"date_end": now + timedelta(days=900)},
            {"requested_by_id": self.nobody.id},
            {"decided_by_id": self.nobody.id},
        )
        for vals in edits:
            with self.subTest(vals=vals), self.env.cr.savepoint() as savepoint:
                grant.sudo().write(vals)
                self.env.flush_all()
                self.assertFalse(grants.is_genuine(grant))
                savepoint.rollback()
            self.env.invalidate_all()
        self.assertTrue(grants.is_genuine(grant))

    def test_un_revoked_by_sql(self):
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        before = grant.sudo().terms_seal
        self.assertTrue(before)
        grant.with_user(self.clerk).action_revoke()
        self.env.flush_all()
        self.env.cr.execute("UPDATE pii_grant SET state = 'approved' WHERE id = %s", [grant.id])
        self.env.invalidate_all()
        self.clerk.write({"group_ids": [Command.link(self.env.ref("pii_retention.group_fiscal").id)]})
        self.assertIn(grant, self.env["pii.grant"]._live(self.clerk.id, "invoice"))
        self.assertRefused("no_grant", lambda: self.open(purpose="invoice"))

    def brought_back(self, grant, before):
        """Put a grant's row back as a superuser of the database would, with the seal that it had."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE pii_grant SET state = 'approved', terms_seal = %s, date_start = %s, date_end = %s WHERE id = %s",
            [before["terms_seal"], before["date_start"], before["date_end"], grant.id],
        )
        self.env.invalidate_all()
        return self.env["pii.grant"]._live(grant.user_id.id, grant.purpose)

    def test_revoked_and_brought_back_with_its_own_seal(self):
        user = self.entitled()
        grant = self.env["pii.grant"]._live(user.id, "label").filtered(lambda grant: grant.kind == "temporary")
        before = grant.sudo().read(["date_start", "date_end"])[0] | {"terms_seal": grant.sudo().terms_seal}
        self.env.cr.postcommit.clear()
        grant.with_user(user).action_revoke()
        self.env.flush_all()
        register = keys.keyring(self.env).revoked
        known = register.mark()
        self.env.cr.postcommit.run()
        self.assertNotEqual(register.mark(), known, "noted beside the keys once it is committed")
        self.assertIn(grant, self.brought_back(grant, before))
        self.assertRefused("no_grant", lambda: self.open(user=user))

    def test_the_seal_of_before_a_renewal(self):
        """A renewed role has had two seals; the older one opens nothing either once the role is revoked."""
        grant = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        before = grant.sudo().read(["date_start", "date_end"])[0] | {"terms_seal": grant.sudo().terms_seal}
        with freeze_time(fields.Datetime.now() + timedelta(days=1)), self.acting(self.officer):
            grant.with_user(self.officer).action_renew()
        self.assertNotEqual(grant.sudo().terms_seal, before["terms_seal"])
        self.env.cr.postcommit.clear()
        grant.with_user(self.clerk).action_revoke()
        self.env.cr.postcommit.run()
        self.brought_back(grant, before)
        self.clerk.write({"group_ids": [Command.link(self.env.ref("pii_retention.group_fiscal").id)]})
        self.assertRefused("no_grant", lambda: self.open(purpose="invoice"))

    def test_a_revocation_without_the_key_store_is_noted_later(self):
        user = self.entitled()
        grant = self.env["pii.grant"]._live(user.id, "label").filtered(lambda grant: grant.kind == "temporary")
        row = grants.of_records(grant)[0]
        with patch.object(keys, "keyring", side_effect=UserError("The key store does not answer.")):
            self.env.cr.postcommit.clear()
            grant.with_user(user).action_revoke()
            self.env.cr.postcommit.run()
        self.assertEqual(grant.state, "revoked")
        register = keys.keyring(self.env).revoked
        self.assertFalse(register.contains(row.register_id()))
        self.env["pii.grant"]._cron_lapse()
        self.assertTrue(register.contains(row.register_id()))
