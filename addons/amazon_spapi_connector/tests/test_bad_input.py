from copy import deepcopy

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import spapi_account_search as searching
from .common import IT, SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]


@tagged("post_install", "-at_install")
class TestBadInput(SpapiCase):
    """Whatever an order holds: a clear state, a sentence for a person, and the others of its page are imported."""

    def _import_with(self, *bad):
        """Import `bad` raw orders on a page with three good ones; returns the good ones."""
        good = self.sandbox.generate(3, seed=50)
        for raw in bad:
            self.sandbox.put(raw)
        self.make_products()
        self.run_import()
        for order_id in good:
            self.assertEqual(self.order(order_id).state, "imported", self.order(order_id).problem)
        self.assertEqual(self.account.state, "connected", self.account.last_error)
        return good

    def _assert_stopped(self, raw, code):
        order = self.order(raw["orderId"])
        self.assertEqual((order.state, order.problem_code), ("exception", code), order.problem)
        self.assertTrue(order.problem)
        self.assertNotIn("Traceback", order.problem)
        self.assertFalse(order.sale_order_id)

    def test_money_without_currency(self):
        raw = self.one_raw_order()
        del raw["proceeds"]["grandTotal"]["currencyCode"]
        self._import_with(raw)
        self._assert_stopped(raw, "currency_missing")

    def test_amount_that_is_no_number(self):
        raw = self.one_raw_order()
        raw["orderItems"][0]["proceeds"]["proceedsTotal"]["amount"] = "twelve"
        self._import_with(raw)
        self._assert_stopped(raw, "amount_unreadable")

    def test_no_lines(self):
        raw = self.one_raw_order(orderItems=[])
        self._import_with(raw)
        self._assert_stopped(raw, "no_lines")

    def test_unknown_marketplace(self):
        """An order of a marketplace that does not exist, on a page of ours."""
        raw = self.one_raw_order()
        raw["salesChannel"]["marketplaceId"] = "A0UNKNOWN00000"
        good = self.sandbox.generate(2, seed=51)
        payloads = [raw, *(self.sandbox.orders()[order_id] for order_id in good)]
        self.env["spapi.order"]._store_orders(self.account, payloads, ("RECIPIENT", "PROCEEDS"))
        self._assert_stopped(raw, "marketplace_unknown")
        self.assertEqual({self.order(order_id).state for order_id in good}, {"new"})

    def test_quantity_zero(self):
        raw = self.one_raw_order()
        raw["orderItems"][0]["quantityOrdered"] = 0
        self._import_with(raw)
        self._assert_stopped(raw, "quantity_zero")

    def test_quantity_ten_thousand(self):
        raw = self.one_raw_order()
        raw["orderItems"][0]["quantityOrdered"] = 10_000
        self._import_with(raw)
        self._assert_stopped(raw, "quantity_absurd")

    def test_500_lines(self):
        """500 lines are unusual, not wrong."""
        raw = self.one_raw_order()
        item = deepcopy(raw["orderItems"][0])
        raw["orderItems"] = [{**deepcopy(item), "orderItemId": f"9{number:013d}"} for number in range(500)]
        total = float(item["proceeds"]["proceedsTotal"]["amount"]) * 500
        raw["proceeds"] = {"grandTotal": {"amount": f"{total:.2f}", "currencyCode": "EUR"}}
        self._import_with(raw)
        order = self.order(raw["orderId"])
        self.assertEqual((order.state, len(order.line_ids)), ("imported", 500), order.problem)
        self.assertEqual(order.sale_order_id.amount_total, order.amount_total)

    def test_strange_names(self):
        """1,000 characters, right to left, emoji: the buyer is sealed and the order imported."""
        names = ("x" * 1000, "محمد بن عبد الله", "😀👨‍👩‍👧‍👦 Müller", "a\u202eb\u0000c")
        template, bad = self.one_raw_order(), []
        for number, name in enumerate(names):
            raw = {**deepcopy(template), "orderId": f"402-000000{number}-0000001"}
            raw["recipient"]["deliveryAddress"]["name"] = raw["buyer"]["buyerName"] = name
            raw["orderItems"][0]["product"]["title"] = name
            bad.append(raw)
        self._import_with(*bad)
        for raw in bad:
            order = self.order(raw["orderId"])
            self.assertEqual(order.state, "imported", order.problem)
            self.assertTrue(order.subject_id.sudo().operational_token)

    def test_nul_in_business_data(self):
        """A NUL byte in a SKU or title never reaches PostgreSQL."""
        raw = self.one_raw_order()
        raw["orderItems"][0]["product"]["title"] = "Mug\u0000 blue"
        self._import_with(raw)
        self.assertEqual(self.order(raw["orderId"]).line_ids[0].title, "Mug blue")

    def test_no_role_for_personal_data(self):
        """An application without the role gets no address: the orders say so, and come once the role is there."""
        app = "apps/amzn1.application-oa2-client.sandbox"
        ids = self.sandbox.generate(2)
        self.make_products()
        self.sandbox.control("PUT", app, {"roles": ["inventory_and_order_tracking"]})
        self.run_import()
        for order_id in ids:
            order = self.order(order_id)
            self.assertEqual((order.state, order.problem_code), ("exception", "no_address"))
            self.assertIn("role", order.problem)
        # The orders have not changed since: only what Amazon lets us see of them has.
        self.sandbox.control("PUT", app, {"roles": ["all"]})
        self.account.action_read_again()
        self.run_import()
        for order_id in ids:
            self.assertEqual(self.order(order_id).state, "imported", self.order(order_id).problem)

    def test_not_an_order(self):
        """Payloads that are no order at all are kept sealed, once, and stop nothing."""
        good = self.sandbox.generate(2)
        rubbish = ["text", None, 7, [], {}, {"orderId": 5}, {"orderId": "<script>", "buyer": {"buyerName": "Zyxwanna"}}]
        payloads = [*rubbish, *(self.sandbox.orders()[order_id] for order_id in good)]
        for _time in range(2):
            self.env["spapi.order"]._store_orders(self.account, payloads, ("RECIPIENT", "PROCEEDS"))
        self.assertEqual({self.order(order_id).state for order_id in good}, {"new"})
        sealed = self.env["spapi.order"].search([("account_id", "=", self.account.id), ("state", "=", "quarantined")])
        self.assertEqual(len(sealed), len(rubbish))
        self.assertTrue(all(order.quarantine_subject_id and order.problem for order in sealed))
        self.assertTrue(all(order.amazon_order_id.startswith("UNREADABLE-") for order in sealed))

    def test_order_that_cannot_be_stored(self):
        """An order at which storing itself breaks is quarantined, the others of the page are stored."""
        ids = self.sandbox.generate(3)
        orders = type(self.env["spapi.order"])
        original = orders._values

        def broken(self, incoming, refs):
            if incoming.key == ids[1]:
                raise ValueError("does not fit")
            return original(self, incoming, refs)

        self.patch(orders, "_values", broken)
        with mute_logger("odoo.addons.amazon_spapi_connector.models.spapi_order_store"):
            self.run_import()
        self.assertEqual(self.order(ids[1]).state, "quarantined")
        self.assertTrue(self.order(ids[1]).quarantine_subject_id.sudo().quarantine_token)
        self.assertEqual(len(self.env["spapi.order"].search([("account_id", "=", self.account.id)])), 3)

    @mute_logger("odoo.sql_db", "odoo.addons.amazon_spapi_connector.models.spapi_order_store")
    def test_cancelled_order_that_cannot_be_stored(self):
        """A cancelled order is not sealed, but one that cannot be stored is: it stops no page."""
        good = self.sandbox.generate(2, seed=3)
        raw = self.one_raw_order()
        raw["fulfillment"]["fulfillmentStatus"] = "CANCELLED"
        raw["orderItems"][0].setdefault("fulfillment", {})["quantityFulfilled"] = 10**12
        payloads = [raw, *(self.sandbox.orders()[order_id] for order_id in good)]
        self.env["spapi.order"]._store_orders(self.account, payloads, FULL)
        self.assertEqual(self.order(raw["orderId"]).state, "quarantined")
        self.assertEqual({self.order(order_id).state for order_id in good}, {"new"})

    def test_rubbish_nested_deeply(self):
        """A payload that is no order and nested deeply stops no page."""
        good = self.sandbox.generate(2)
        deep = {}
        for _level in range(400):
            deep = {"x": [deep]}
        payloads = [{"orderId": 5, "deep": deep}, *(self.sandbox.orders()[order_id] for order_id in good)]
        self.env["spapi.order"]._store_orders(self.account, payloads, FULL)
        self.assertEqual({self.order(order_id).state for order_id in good}, {"new"})
        self.assertIn("quarantined", self.env["spapi.order"].search([]).mapped("state"))

    def test_seal_that_does_not_open(self):
        """An order whose seal was altered stops alone, where the address decides the fiscal position."""
        country = self.env.ref("base.it").id
        self.env["account.fiscal.position"].create(
            {"name": "By postcode", "auto_apply": True, "country_id": country, "zip_from": "00000", "zip_to": "99999"}
        )
        ids = self.sandbox.generate(3, marketplaces=[IT])
        self.make_products()
        self.env["spapi.order"]._store_orders(self.account, list(self.sandbox.orders().values()), FULL)
        self.env.flush_all()
        bad = self.order(ids[0])
        self.env.cr.execute(
            "UPDATE pii_subject SET operational_token = left(operational_token, -8) || 'AAAAAAAA' WHERE id = %s",
            [bad.subject_id.id],
        )
        self.env.invalidate_all()
        self.run_import()
        self.assertEqual((bad.state, bad.problem_code), ("exception", "not_opened"))
        for order_id in ids[1:]:
            self.assertEqual(self.order(order_id).state, "imported", self.order(order_id).problem)
        self.assertFalse(self.account.last_error)
