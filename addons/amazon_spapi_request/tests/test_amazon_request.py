from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.amazon_spapi_connector.models import spapi_account_import as importing
from odoo.addons.amazon_spapi_connector.models import spapi_account_search as searching
from odoo.addons.amazon_spapi_connector.spapi.auth import TOKENS
from odoo.addons.amazon_spapi_connector.tests.common import DE, IT, SELLER, SpapiCase
from odoo.addons.pii_retention import channel, transactions

from ..models.spapi_account import end_authorisation


@tagged("post_install", "-at_install")
class TestAmazonRequest(SpapiCase):
    """Requests as Amazon makes them: for a seller, a marketplace, a period; and the end of an authorisation."""

    seed = 100

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        officer = "pii_retention.group_privacy_officer"
        cls.officer = new_test_user(cls.env, "amazon_officer", groups=officer)
        cls.second = new_test_user(cls.env, "amazon_second", groups=officer)

    def setUp(self):
        super().setUp()
        # whom a test buries stays buried for the next one: each has orders of its own
        type(self).seed += 2
        self.sandbox.generate(4, marketplaces=[IT], seed=self.seed)
        self.sandbox.generate(2, marketplaces=[DE], seed=self.seed + 1)
        self.make_products()
        self.run_import()
        self.orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.buyers = self.orders.subject_id
        self.assertEqual((len(self.buyers), set(self.buyers.mapped("state"))), (6, {"live"}))

    def register(self, **vals):
        vals = {"kind": "amazon_deletion", "requester": "Amazon EU", **vals}
        return self.env["pii.request"].with_user(self.officer).create(vals)

    def carry_out(self, request):
        request.action_preview()
        caller = channel.Caller(channel.WEB, self.second.id, "0123456789abcdef", "192.0.2.7")
        with patch.object(channel, "caller", lambda: caller):
            request.with_user(self.second).action_approve()
        self.env.flush_all()
        self.run_cron()

    def run_cron(self):
        with (
            patch.object(transactions, "commit", lambda env, *args, **kwargs: env.flush_all() or 1.0),
            patch.object(transactions, "rollback", lambda env: env.invalidate_all()),
        ):
            self.env["pii.request"]._cron_run()
        self.env.flush_all()
        self.env.invalidate_all()

    def test_a_seller_and_a_marketplace(self):
        italian = self.orders.filtered(lambda order: order.marketplace_id.amazon_id == IT)
        request = self.register(account_refs=SELLER, marketplace_ids=italian.marketplace_id.ids)
        self.assertEqual(request.state, "draft")
        self.carry_out(request)
        self.assertEqual(request.state, "done")
        self.assertEqual(set(italian.subject_id.mapped("state")), {"erased"})
        self.assertEqual(set((self.buyers - italian.subject_id).mapped("state")), {"live"})
        self.assertTrue(self.account.has_refresh_token, "a deletion does not end the authorisation")

    def test_an_unknown_seller_is_named(self):
        request = self.register(account_refs=f"{SELLER}\nA9NOBODY")
        request.action_preview()
        self.assertEqual((request.unknown_text, request.live_count), ("Account A9NOBODY", len(self.buyers)))
        with self.assertRaises(UserError):
            self.carry_out(request)
        self.assertEqual(set(self.buyers.mapped("state")), {"live"})

    def test_orders_by_number_and_period(self):
        first = self.orders[:1]
        request = self.register(references=first.amazon_order_id)
        request.action_preview()
        self.assertEqual((request.unknown_text, request.item_ids.subject_uuid), (False, first.subject_id.uuid))
        day = self.company._pii_day(first.purchase_date)
        request = self.register(origin="amazon", date_from=day, date_to=day)
        request.action_preview()
        self.assertIn(first.subject_id.uuid, request.item_ids.mapped("subject_uuid"))
        before = min(self.orders.mapped("purchase_date")).date() - timedelta(days=3)
        request = self.register(origin="amazon", date_to=before)
        request.action_preview()
        self.assertFalse(request.item_ids)

    def test_a_changed_marketplace_takes_the_preview_back(self):
        request = self.register(account_refs=SELLER)
        request.action_preview()
        request.marketplace_ids = self.orders.marketplace_id[:1]
        self.assertEqual(request.state, "draft")

    def test_the_seller_leaves(self):
        TOKENS.clear()
        request = self.register(kind="merchant_leaves", account_refs=SELLER)
        self.carry_out(request)
        self.assertEqual(request.state, "done")
        self.assertEqual(set(self.buyers.mapped("state")), {"erased"})
        account = self.account
        self.assertEqual((account.state, account.active, account.has_refresh_token), ("revoked", False, False))
        self.assertFalse(account.has_client_secret)
        calls = sum(self.sandbox.counts().values())
        self.run_import()
        self.assertEqual(sum(self.sandbox.counts().values()), calls, "nobody asks Amazon in the seller's name any more")

    def test_nobody_comes_with_an_import_that_was_under_way(self):
        """A page that was on its way when the seller left is stored, and its buyers go with the others."""
        request = self.register(kind="merchant_leaves", account_refs=SELLER)
        request.action_preview()
        raw = next(iter(self.sandbox.orders().values())) | {"orderId": "402-7654321-0000077"}
        begin = type(request)._begin

        def late(request):
            begin(request)
            self.env["spapi.order"].sudo()._store_orders(
                self.account.sudo(), [raw], searching.SEARCHES["unshipped"]["parts"]
            )

        with patch.object(type(request), "_begin", late):
            self.carry_out(request)
        self.assertEqual(request.state, "done")
        known = self.order("402-7654321-0000077").subject_id
        self.assertEqual((known.state, known.erased_reason), ("erased", "company_left"))
        self.assertIn(known.uuid, request.item_ids.mapped("subject_uuid"))

    def test_it_is_not_done_while_an_import_is_under_way(self):
        request = self.register(kind="merchant_leaves", account_refs=SELLER)
        with self.env.registry.cursor() as other:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [importing.LOCK, self.account.id])
            self.carry_out(request)
            self.assertEqual(request.state, "running")
            self.assertEqual(set(self.buyers.mapped("state")), {"erased"})
            other.execute("SELECT pg_advisory_unlock(%s, %s)", [importing.LOCK, self.account.id])
        self.run_cron()
        self.assertEqual(request.state, "done")

    def test_an_import_that_is_under_way_stops_at_the_next_page(self):
        end_authorisation(self.account)
        self.account.sudo().write({"state": "connected"})
        self.assertFalse(self.account._goes_on())
        self.account.sudo().write({"active": True, "state": "revoked"})
        self.assertFalse(self.account._goes_on())

    def test_the_credentials_of_archived_accounts_go_as_well(self):
        self.account.sudo().active = False
        self.carry_out(self.register(kind="merchant_leaves", account_refs=SELLER))
        self.assertFalse(self.account.has_refresh_token)
        self.assertEqual(self.account.state, "revoked")

    def test_some_orders_of_an_account_do_not_end_it(self):
        first = self.orders[:1]
        request = self.register(kind="merchant_leaves", account_refs=SELLER, references=first.amazon_order_id)
        self.carry_out(request)
        self.assertEqual(first.subject_id.state, "erased")
        self.assertTrue(self.account.active)
        self.assertTrue(self.account.has_refresh_token)

    def test_who_has_left_does_not_come_back(self):
        self.carry_out(self.register(account_refs=SELLER))
        self.account.sudo().cursor_ids.unlink()
        self.run_import()
        again = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(set(again.subject_id.mapped("state")), {"erased"})
