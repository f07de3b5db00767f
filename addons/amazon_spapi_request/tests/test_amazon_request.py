from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.amazon_spapi_connector.spapi.auth import TOKENS
from odoo.addons.amazon_spapi_connector.tests.common import DE, IT, SELLER, SpapiCase
from odoo.addons.pii_retention import channel, transactions


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

    def test_who_has_left_does_not_come_back(self):
        self.carry_out(self.register(account_refs=SELLER))
        self.account.sudo().cursor_ids.unlink()
        self.run_import()
        again = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(set(again.subject_id.mapped("state")), {"erased"})
