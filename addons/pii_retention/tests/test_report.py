from odoo.exceptions import AccessError
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
        self.report.pii_purpose = "label"
        response = self.url_open(url)
        self.assertIn(PERSON["street"], response.text)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
