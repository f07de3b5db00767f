from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .test_gate import GateCase


@tagged("post_install", "-at_install")
class TestRoleDoors(GateCase):
    """A role may be given from the user's form, from the group's, or by what another group implies."""

    def announced(self, user):
        return self.env["mail.message"].search([("partner_ids", "in", self.officer.partner_id.ids)]).filtered(
            lambda message: user.name in (message.body or "")
        )  # fmt: skip

    def test_an_officer_made_from_the_group(self):
        user = self.new_user("gate_new", "base.group_user")
        self.env.ref("pii_retention.group_privacy_officer").write({"user_ids": [Command.link(user.id)]})
        self.assertTrue(self.announced(user))

    def test_an_officer_by_implication(self):
        user = self.new_user("gate_new", "base.group_user")
        group = self.env["res.groups"].create({"name": "Helpers", "user_ids": [Command.link(user.id)]})
        self.assertFalse(self.announced(user))
        group.write({"implied_ids": [Command.link(self.env.ref("pii_retention.group_privacy_officer").id)]})
        self.assertTrue(self.announced(user))

    def test_a_new_group_that_implies_a_role(self):
        user = self.new_user("gate_new", "base.group_user")
        self.env["res.groups"].create(
            {
                "name": "Helpers",
                "user_ids": [Command.link(user.id)],
                "implied_ids": [Command.link(self.env.ref("pii_retention.group_fulfilment").id)],
            }
        )
        self.assertEqual(self.requested(user).purpose, "label")

    def test_a_role_from_the_group_asks_and_ends(self):
        user = self.new_user("gate_new", "base.group_user")
        group = self.env.ref("pii_retention.group_fulfilment")
        group.write({"user_ids": [Command.link(user.id)]})
        grant = self.requested(user)
        self.assertEqual((grant.purpose, grant.kind), ("label", "standing"))
        group.write({"user_ids": [Command.unlink(user.id)]})
        self.assertEqual(grant.state, "revoked")

    def test_the_context_gives_no_role(self):
        user = self.new_user("gate_new", "base.group_user")
        role = self.env.ref("pii_retention.group_fulfilment")
        user.with_context(pii_role_approved=True).write({"group_ids": [Command.link(role.id)]})
        self.assertEqual(self.requested(user).purpose, "label")

    def test_a_refused_role_is_taken(self):
        """Whoever keeps the role could break the glass, and could not be proposed for it again."""
        user = self.new_user("gate_new", "pii_retention.group_fulfilment")
        with self.acting(self.officer):
            self.requested(user).with_user(self.officer).action_refuse()
        self.assertFalse(user.has_group("pii_retention.group_fulfilment"))

    def test_the_first_officer_finds_what_waits(self):
        everybody = self.env["res.users"].search([])
        everybody.group_ids = [Command.unlink(self.env.ref("pii_retention.group_privacy_officer").id)]
        user = self.new_user("gate_new", "pii_retention.group_fulfilment")
        request = self.requested(user)
        self.assertFalse(request.activity_ids)
        with self.acting(self.nobody), self.assertRaises(UserError) as caught:
            self.subject.with_user(self.nobody).request_access("label", "covering for a colleague")
        self.assertIn("privacy officer", str(caught.exception))
        officer = self.new_user("gate_officer", "pii_retention.group_privacy_officer")
        self.assertEqual(request.activity_ids.user_id, officer)

    def test_who_changes_a_password_gets_no_access_with_it(self):
        live = self.env["pii.grant"]._live(self.clerk.id)
        self.assertTrue(live)
        with self.acting(self.env.ref("base.user_admin")):
            self.clerk.password = "Another-Pw-1234567"
        self.assertFalse(self.env["pii.grant"]._live(self.clerk.id))
        self.assertEqual(set(live.mapped("state")), {"revoked"})
        again = self.env["pii.grant"].search([("user_id", "=", self.clerk.id), ("state", "=", "requested")])
        self.assertEqual(set(again.mapped("kind")), {"standing"})
        self.assertTrue(self.clerk.has_group("pii_retention.group_fulfilment"), "the role waits for the decision")

    def test_ones_own_password_and_a_link_in_the_mailbox_change_nothing(self):
        for person in (self.clerk, None):
            with self.acting(person):
                self.clerk.password = f"Another-Pw-{person and person.id}-1234567"
        self.assertTrue(self.env["pii.grant"]._live(self.clerk.id))
