import json
import re

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import PERSON, VaultCase

TYPED = "qvandelbert-4711@xerophilia.example.com"


@tagged("post_install", "-at_install")
class TestLookupScreen(HttpCase, VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.care = new_test_user(cls.env, "lookup_http", groups="pii_retention.group_customer_care")
        cls.approve_roles(cls.care)
        cls.env.flush_all()

    def call(self, route, **params):
        response = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.assertEqual(response.status_code, 200)
        return response, response.json()

    def find(self, value, **params):
        return self.call(
            "/pii/lookup",
            **{
                "field": "email",
                "value": value,
                "purpose": "customer_service",
                "reason": "caller without number",
                **params,
            },
        )

    def test_a_customer_is_found_and_the_answer_is_not_kept(self):
        self.authenticate("lookup_http", "lookup_http")
        response, answer = self.find(PERSON["email"], companies=self.company.ids)
        self.assertEqual(answer.get("result"), {"ids": self.subject.ids}, answer)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertNoCanary(response.text, "the answer")

    def test_the_value_is_nowhere_in_the_database(self):
        self.authenticate("lookup_http", "lookup_http")
        _response, answer = self.find(TYPED)
        self.assertEqual(answer["result"], {"ids": []})
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT c.table_name, c.column_name FROM information_schema.columns c
                 JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
                  AND c.data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea')"""
        )
        columns = self.env.cr.fetchall()
        for table, column in columns:
            self.env.cr.execute(  # pylint: disable=sql-injection
                f'SELECT 1 FROM "{table}" WHERE lower("{column}"::text) ~ %s LIMIT 1', [re.escape("qvandelbert")]
            )
            self.assertFalse(self.env.cr.fetchone(), f"{table}.{column}")
        self.assertGreater(len(columns), 500)

    @mute_logger("odoo.http")
    def test_a_refusal_says_what_to_do_and_not_what_was_typed(self):
        self.authenticate("vault_nobody", "vault_nobody")
        _response, answer = self.find(TYPED)
        self.assertIn("privacy officer", answer["error"]["data"]["message"])
        self.assertNotIn("qvandelbert", json.dumps(answer).lower())

    @mute_logger("odoo.http")
    def test_without_a_session_there_is_nothing(self):
        _response, answer = self.find(PERSON["email"])
        self.assertIn("error", answer)

    def test_companies_of_others_are_not_searched(self):
        other = self.env["res.company"].create({"name": "Other Vault"})
        self.seal("foreign", company_id=other.id)
        self.env.flush_all()
        self.authenticate("lookup_http", "lookup_http")
        for companies in ([other.id], "all", [other.id, self.company.id], None):
            _response, answer = self.find(PERSON["email"], companies=companies)
            self.assertEqual(answer.get("result"), {"ids": self.subject.ids}, companies)

    def test_the_dialog_offers_what_the_user_may_do(self):
        self.authenticate("lookup_http", "lookup_http")
        _response, answer = self.call("/pii/lookup/options")
        self.assertEqual([item["code"] for item in answer["result"]["fields"]], ["name", "email", "phone"])
        self.assertEqual([item["code"] for item in answer["result"]["purposes"]], ["customer_service", "legal_request"])
        self.authenticate("vault_nobody", "vault_nobody")
        _response, answer = self.call("/pii/lookup/options")
        self.assertEqual(answer["result"]["purposes"], [])

    @mute_logger("odoo.http")
    def test_odd_parameters_are_refused(self):
        self.authenticate("lookup_http", "lookup_http")
        for params in ({"value": {"a": 1}}, {"value": None}, {"field": ["name"]}, {"reason": 7}, {"purpose": None}):
            _response, answer = self.find(PERSON["email"], **params) if "value" not in params else self.find(**params)
            self.assertIn("error", answer, params)
