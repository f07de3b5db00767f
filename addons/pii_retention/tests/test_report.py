from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged

from .common import PERSON, VaultCase


class ReportCase(VaultCase):
    """A report on contacts that prints their address."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "vault_test",
                "key": "pii_retention.vault_test",
                "arch": """<t t-name="pii_retention.vault_test">
                           <p t-foreach="docs" t-as="o" t-field="o.contact_address"/>
                           <b t-foreach="docs" t-as="o" t-out="o.display_name"/></t>""",
            }
        )
        cls.report = cls.env["ir.actions.report"].create(
            {
                "name": "Vault test",
                "model": "res.partner",
                "report_type": "qweb-html",
                "report_name": "pii_retention.vault_test",
            }
        )


@tagged("post_install", "-at_install")
class TestReport(ReportCase):
    def render(self, user):
        reports = self.env["ir.actions.report"].with_user(user)
        return reports._render_qweb_html("pii_retention.vault_test", self.partner.ids)[0].decode()

    def test_without_a_purpose_the_pseudonym_is_printed(self):
        html = self.render(self.clerk)
        self.assertNoCanary(html, "a report without purpose")
        self.assertIn("Shop 402-1234567-0000001", html)

    def test_with_a_purpose_the_entitled_user_prints_the_address(self):
        self.report.pii_purpose = "label"
        html = self.render(self.clerk)
        for key in ("name", "street", "zip", "city"):
            self.assertIn(PERSON[key], html)
        self.assertEqual(self.partner.name, "Shop 402-1234567-0000001")

    def test_the_log_names_the_report_and_its_documents(self):
        self.report.pii_purpose = "label"
        other = self.seal("402-1234567-0000031")
        partners = self.partner | other._partner() | self.env["res.partner"].create({"name": PERSON["city"]})
        self.env["ir.actions.report"].with_user(self.clerk)._render("pii_retention.vault_test", partners.ids)
        for subject in (self.subject, other):
            with self.env.registry.cursor() as cr:
                cr.execute("SELECT reason, document FROM pii_access_log WHERE subject_uuid = %s", [subject.uuid])
                reason, document = cr.fetchone()
            names = ", ".join(f"res.partner {partner_id}" for partner_id in partners.ids)
            self.assertEqual(reason, f"Report Vault test of {names}", "no name of a person, protected or not")
            self.assertEqual(document, f"pii_retention.vault_test {names}")

    def test_typed_code_renders_nothing(self):
        self.report.pii_purpose = "label"
        action = self.env["ir.actions.server"].create(
            {
                "name": "thief",
                "state": "code",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "code": f"reports = env['ir.actions.report'].with_user({self.clerk.id})\n"
                "raise UserError(reports._render('pii_retention.vault_test', record.ids)[0])",
            }
        )
        with self.assertRaises(UserError) as caught:
            action.with_context(active_model="res.partner", active_id=self.partner.id).run()
        self.assertNoCanary(caught.exception, "a server action")
        self.assertIsInstance(caught.exception, AccessError)

    def test_with_a_purpose_anybody_else_is_refused(self):
        self.report.pii_purpose = "label"
        for user in (self.nobody, self.officer, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.render(user)


@tagged("post_install", "-at_install")
class TestReportOverHttp(HttpCase, ReportCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    def test_what_a_browser_prints_is_not_kept(self):
        self.clerk.password = "vault_clerk-password"
        self.authenticate(self.clerk.login, "vault_clerk-password")
        url = f"/report/html/pii_retention.vault_test/{self.partner.id}"
        self.assertNotEqual(self.url_open(url).headers.get("Cache-Control"), "no-store")
        # a label goes to a printer where there is one
        self.report.pii_purpose = "invoice"
        response = self.url_open(url)
        self.assertIn(PERSON["street"], response.text)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
