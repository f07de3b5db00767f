import json
import logging
import re

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..calling import secret_of
from ..spapi import regions
from .common import CLIENT_SECRET, IT, REFRESH_TOKEN, SpapiCase


@tagged("post_install", "-at_install")
class TestAccount(SpapiCase):
    def test_secrets_are_write_only(self):
        """Nobody reads a secret back: not through fields, read, search, export, copy or the database."""
        account = self.account
        self.assertTrue(account.has_client_secret and account.has_refresh_token)
        self.assertFalse(account.client_secret or account.refresh_token)
        manager = new_test_user(self.env, "amazon_manager", groups="amazon_spapi_connector.group_manager")
        as_manager = account.with_user(manager)
        self.assertFalse(
            any(as_manager.read(["client_secret", "refresh_token"])[0][name] for name in ("client_secret",))
        )
        for name in ("client_secret_sealed", "refresh_token_sealed", "quarantine_key_sealed"):
            with self.assertRaises(AccessError):
                as_manager.read([name])
            with self.assertRaises(AccessError):
                as_manager.search([(name, "!=", False)])
            with self.assertRaises(AccessError):
                as_manager.write({name: "x"})
        copied = account.copy({"name": "Copy", "seller_id": "OTHER"})
        self.assertFalse(copied.has_client_secret or copied.has_refresh_token)
        self.env.cr.execute("SELECT row_to_json(a)::text FROM spapi_account a")
        stored = " ".join(row[0] for row in self.env.cr.fetchall())
        self.assertNotIn(CLIENT_SECRET, stored)
        self.assertNotIn("Atzr|", stored)
        self.assertEqual(secret_of(account, "client_secret"), CLIENT_SECRET)

    def test_secret_belongs_to_its_account_and_field(self):
        """A sealed secret copied to another account or field does not open."""
        other = self._new_account(name="Other", seller_id="A2OTHER", client_secret="another-secret")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE spapi_account a SET client_secret_sealed = b.client_secret_sealed FROM spapi_account b"
            " WHERE a.id = %s AND b.id = %s",
            [other.id, self.account.id],
        )
        other.invalidate_recordset()
        with self.assertRaises(UserError):
            secret_of(other, "client_secret")

    def test_secrets_in_no_log(self):
        """A connection test and an import leave no secret in any log record, at any level."""
        records = []

        class Collector(logging.Handler):
            def emit(self, record):
                records.append(record.getMessage())

        collector, root = Collector(level=1), logging.getLogger()
        # Only the collector listens: debug lines have no place in the log of the test run.
        self.addCleanup(setattr, root, "handlers", root.handlers)
        root.handlers = [collector]
        names = [name for name, found in root.manager.loggerDict.items() if getattr(found, "level", 0)]
        # What quiets itself on purpose (httpx, sp_api) stays as it is: that is part of what is tested.
        levels = {
            logger: logger.level
            for logger in map(logging.getLogger, ["", *names])
            if "odoo" in logger.name or logger is root
        }
        for logger in levels:
            logger.setLevel(1)
        try:
            self.account.write({"client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN})
            self.press("action_test_connection")
            self.sandbox.generate(1)
            self.run_import()
        finally:
            for logger, level in levels.items():
                logger.setLevel(level)
        self.assertTrue(records)
        text = "\n".join(records)
        for secret in (CLIENT_SECRET, REFRESH_TOKEN, "Atza|"):
            self.assertNotIn(secret, text)

    def test_connection(self):
        """Test connection proves the credentials and brings the marketplaces."""
        self.account.write({"marketplace_ids": [fields.Command.clear()], "state": "draft"})
        action = self.press("action_test_connection")
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(self.account.state, "connected")
        self.assertIn("Amazon Italy", self.account.marketplace_ids.mapped("name"))
        self.assertIn("getMarketplaceParticipations", self.account.health)

    def test_wrong_credentials(self):
        """Wrong credentials: a sentence for the user, the state and a single activity on the account."""
        self.account.client_secret = "wrong"
        for _attempt in range(2):
            error = self.press("action_test_connection")
            self.assertIsInstance(error, UserError)
            self.assertIn("client ID and secret", str(error))
            self.assertNotIn("wrong", str(error))
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "error")
        self.assertTrue(self.account.last_error)
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_unsafe_addresses(self):
        """Credentials travel encrypted, or to this machine."""
        for url in (
            "http://example.com",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://e.com/?a=b",
            "nonsense",
        ):
            with self.assertRaises(ValidationError, msg=url):
                self.account.endpoint_url = url
        for url in ("http://127.0.0.1:9", "http://[::1]:9", "http://localhost", "https://example.com/base"):
            self.account.endpoint_url = url

    def test_regions(self):
        """Addresses follow the region, unless they are one's own."""
        account = self._new_account(name="NA", region="na", endpoint_url=False, seller_id="A3")
        account.region = "fe"
        self.assertEqual(account.endpoint_url, regions.REGIONS["fe"].endpoint)
        self.assertEqual(account.token_url, regions.LWA_TOKEN_URL)

    def test_marketplaces_are_amazons(self):
        """The data file says what the client's table says."""
        rows = self.env["spapi.marketplace"].search([])
        self.assertEqual(set(rows.mapped("amazon_id")), set(regions.MARKETPLACES))
        for row in rows:
            known = regions.MARKETPLACES[row.amazon_id]
            self.assertEqual(
                (
                    row.code,
                    row.region,
                    row.currency_id.name,
                    row.country_id.code,
                    row.timezone,
                    row.seller_central_host,
                ),
                (
                    known.country_code,
                    known.region,
                    known.currency,
                    known.country_code,
                    known.timezone,
                    known.seller_central_host,
                ),
            )

    def test_same_seller_twice(self):
        """A second account of the same seller and region would import everything twice."""
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.IntegrityError):
            self._new_account(name="Twice")
            self.env.flush_all()

    def test_warehouse_user(self):
        """A warehouse user sees no account; an Amazon user sees no credentials and changes none."""
        warehouse = new_test_user(self.env, "warehouse", groups="stock.group_stock_user")
        with self.assertRaises(AccessError):
            self.account.with_user(warehouse).read(["name"])
        user = new_test_user(self.env, "amazon_user", groups="amazon_spapi_connector.group_user")
        as_user = self.account.with_user(user)
        as_user.read(["name", "state", "health", "has_client_secret"])
        for name in ("client_id", "application_id", "endpoint_url", "token_url", "client_secret", "refresh_token"):
            with self.assertRaises(AccessError):
                as_user.read([name])
        with self.assertRaises(AccessError):
            as_user.write({"refresh_token": "x"})
        for action in ("action_test_connection", "action_sync_now", "action_authorize", "action_read_again"):
            with self.assertRaises(AccessError):
                getattr(as_user, action)()

    def test_other_company(self):
        """Accounts, orders and listings of another company are not there."""
        other = self.env["res.company"].create({"name": "Other company"})
        stranger = new_test_user(
            self.env,
            "stranger",
            groups="amazon_spapi_connector.group_manager",
            company_id=other.id,
            company_ids=[fields.Command.set(other.ids)],
        )
        self.sandbox.generate(1)
        self.run_import()
        self.env["spapi.listing"].create({"account_id": self.account.id, "sku": "X"})
        for model in (
            "spapi.account",
            "spapi.order",
            "spapi.order.line",
            "spapi.listing",
            "spapi.cursor",
            "spapi.quota",
        ):
            self.assertTrue(self.env[model].search_count([]), model)
            self.assertFalse(
                self.env[model]
                .with_user(stranger)
                .search_count(
                    [("company_id", "=", self.company.id)] if "company_id" in self.env[model]._fields else []
                ),
                model,
            )

    def test_service_user_follows_the_companies(self):
        """The import's identity works where accounts are, and nowhere else."""
        other = self.env["res.company"].create({"name": "New company"})
        service = self.env.ref("amazon_spapi_connector.user_service")
        self.assertNotIn(other, service.company_ids)
        self._new_account(name="New", company_id=other.id, seller_id="A9", warehouse_id=False)
        self.assertIn(other, service.company_ids)
        self.assertFalse(service._is_admin())

    def test_neutralized(self):
        """A copy of the database cannot speak to Amazon."""
        from odoo.modules.neutralize import get_neutralization_queries

        self.env.flush_all()
        for query in get_neutralization_queries(["amazon_spapi_connector"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        account = self.account.with_context(active_test=False)
        self.assertFalse(account.active or account.has_client_secret or account.has_refresh_token or account.client_id)
        self.assertFalse(self.env.ref("amazon_spapi_connector.ir_cron_import_orders").active)

    def test_secrets_go_to_no_new_host(self):
        """Who changes an address does not get the secrets sent there: they are forgotten, and typed again or not."""
        manager = new_test_user(self.env, "amazon_thief", groups="amazon_spapi_connector.group_manager")
        as_manager = self.account.with_user(manager)
        as_manager.token_url = "https://elsewhere.example/auth/o2/token"
        self.assertFalse(self.account.has_refresh_token or self.account.has_client_secret)
        self.assertEqual(self.account.state, "draft")
        as_manager.write(
            {"endpoint_url": "https://gateway.example", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
        )
        self.assertTrue(self.account.has_refresh_token and self.account.has_client_secret)
        # Amazon's own hosts are no strangers
        as_manager.region = "eu"
        self.assertTrue(self.account.has_refresh_token and self.account.has_client_secret)
        # a port of this machine is one: a web hook of Odoo's own would keep what it is sent
        as_manager.write({"region": "custom", "token_url": "http://127.0.0.1:8069/web/hook/x"})
        self.assertFalse(self.account.has_refresh_token or self.account.has_client_secret)

    def test_typed_code_has_no_credentials_and_no_client(self):
        """A server action calls every method there is: none hands out a secret, or a client that asks for buyers."""
        number = self.sandbox.generate(1, marketplaces=[IT])[0]
        buyer = json.dumps(self.sandbox.orders()[number]["recipient"])
        thefts = [
            "record._open_secret('refresh_token')",
            "record._credentials()",
            "record._client()._credentials",
            "record._quarantine_key()",
            f"record._call('getOrder', lambda client: client.get_order('{number}', ('BUYER', 'RECIPIENT')))",
        ]
        for theft in thefts:
            action = self.env["ir.actions.server"].create(
                {
                    "name": "Look at the account",
                    "model_id": self.env["ir.model"]._get_id("spapi.account"),
                    "state": "code",
                    "code": f"raise UserError(repr({theft}))",
                }
            )
            run = action.with_context(active_model="spapi.account", active_id=self.account.id)
            with self.subTest(theft), self.assertRaises(Exception) as caught, mute_logger("odoo.addons.base"):
                run.run()
            self.assertNotIn("UserError", type(caught.exception).__name__, theft)
            shown = str(caught.exception)
            self.assertFalse([text for text in (CLIENT_SECRET, REFRESH_TOKEN) if text in shown])
            self.assertFalse([text for text in re.findall(r'": "([^"]{6,})"', buyer) if text in shown])
