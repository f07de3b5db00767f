from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.pii_retention import evaluated

from .test_gate import ROLES, GateCase


@tagged("post_install", "-at_install")
class TestTypedCode(GateCase):
    """What an administrator types runs in the session of whoever triggers it."""

    def test_a_function_that_is_called_later(self):
        """Typed code may leave a function behind that runs when it is itself no longer among the callers."""
        self.nobody.write({"group_ids": [Command.link(self.env.ref("base.group_system").id)]})
        code = """
def steal():
    block = record.with_user(user_id).reveal('label')
    inside = block.gen.send(None)
    name = inside['res.partner'].browse(partner_id).name
    block.gen.close()
    seen.append(name)
env.cr.precommit.add(steal)
"""
        seen = []
        values = {
            "env": self.env,
            "record": self.subject,
            "user_id": self.clerk.id,
            "partner_id": self.partner.id,
            "seen": seen,
        }
        before = self.causes()
        with self.acting(self.clerk), self.assertRaises(AccessError):
            safe_eval(code, values, mode="exec")
            self.env.cr.flush()
        self.assertEqual(seen, [])
        self.assertEqual(self.causes()[len(before) :], ["evaluated"])

    def test_a_plain_call_is_still_one(self):
        """The frame of the typed call itself is no function that it left behind."""
        seen = []

        class Model:
            def look(self):
                seen.append((evaluated.is_evaluated(), evaluated.is_typed()))

        safe_eval("model.look()", {"model": Model()}, mode="exec")
        safe_eval("env['a'].look()", {"env": {"a": Model()}}, mode="exec")
        Model().look()
        self.assertEqual(seen, [(False, True), (False, True), (False, False)])

    def test_an_officer_decides_nothing_by_typed_code(self):
        """An automation that calls one method runs with the officer's session, unseen."""
        user = self.new_user("gate_new", ROLES)
        request = self.requested(user)[:1]
        standing = self.env["pii.grant"]._live(self.clerk.id, "invoice")
        with self.acting(self.clerk):
            glass = self.subject.with_user(self.clerk).break_glass("incident", "driver waits outside")
        glass = self.env["pii.grant"].browse(glass["grant_id"])
        for grant, method in (
            (request, "action_approve"),
            (request, "action_refuse"),
            (standing, "action_renew"),
            (glass, "action_review"),
        ):
            action = self.env["ir.actions.server"].create(
                {
                    "name": "Tidy up",
                    "model_id": self.env["ir.model"]._get_id("pii.grant"),
                    "state": "code",
                    "code": f"record.{method}()",
                }
            )
            run = action.with_context(active_model="pii.grant", active_id=grant.id).with_user(self.officer).sudo()
            with self.subTest(method=method), self.acting(self.officer), self.assertRaises(AccessError):
                run.run()
        self.assertEqual(request.state, "requested")
        self.assertFalse(glass.reviewed_by_id)

    def test_a_service_identity_prints_nothing(self):
        """A scheduled action may call a method, and an administrator draws templates: together they would be a door."""
        service = self.new_user("gate_service", "pii_retention.group_service,base.group_partner_manager")
        self.env["ir.model.data"].create(
            {"module": "pii_retention", "name": "gate_service", "model": "res.users", "res_id": service.id}
        )
        self.env["pii.grant"].create(
            {
                "user_id": service.id,
                "purpose": "import_decision",
                "kind": "service",
                "company_id": False,
                "reason": "an import of orders",
                "state": "approved",
            }
        )
        self.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "thief",
                "key": "pii_retention.thief",
                "arch": "<t t-name='pii_retention.thief'><p t-foreach='docs' t-as='doc' t-out='doc.street'/></t>",
            }
        )
        report = self.env["ir.actions.report"].create(
            {
                "name": "thief",
                "model": "res.partner",
                "report_type": "qweb-html",
                "report_name": "pii_retention.thief",
            }
        )
        with self.assertRaises(ValueError):
            report.pii_purpose = "import_decision"
        self.env.flush_all()
        self.env.cr.execute("UPDATE ir_act_report_xml SET pii_purpose = 'import_decision' WHERE id = %s", [report.id])
        self.env.invalidate_all()
        names = {"pii_retention.gate_service": ("import_decision",)}
        found = []

        class Reports:
            def render(self, report_id, partner_id):
                reports = self.env["ir.actions.report"].with_user(service)
                found.append(reports._render_qweb_html(report_id, [partner_id])[0].decode())

        Reports.env = self.env
        call = f"model.render({report.id}, {self.partner.id})"
        with (
            self.acting(None),
            patch.object(type(self.env["pii.grant"]), "_service_identities", lambda _self: names),
        ):
            with self.subject.with_user(service).reveal("import_decision") as env:
                self.assertTrue(env["res.partner"].browse(self.partner.id).street, "the identity itself is good")
            safe_eval(call, {"model": Reports()}, mode="exec")
        self.assertNoCanary(found[0])

    def test_nobodys_glass_is_broken_by_typed_code(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Tidy up",
                "model_id": self.env["ir.model"]._get_id("pii.subject"),
                "state": "code",
                "code": "record.break_glass('incident', 'driver waits outside')",
            }
        )
        run = action.with_context(active_model="pii.subject", active_id=self.subject.id).with_user(self.clerk).sudo()
        with self.acting(self.clerk), self.assertRaises(AccessError):
            run.run()
        self.assertFalse(self.env["pii.grant"].search([("kind", "=", "break_glass")]))
