from copy import deepcopy
from unittest import skipUnless

from odoo.tests import tagged

from ..models import spapi_account_search as searching
from . import amazon_examples
from .common import SpapiCase

MODEL = amazon_examples.document()
FULL = searching.SEARCHES["unshipped"]["parts"]

# Written down from Amazon's examples by hand: currency, total, then the lines of the sale order as
# (SKU or name of the charge, quantity, what the buyer paid for it, tax in it).
EXPECTED = {
    # Amazon Japan, two items, no tax stated
    "250-1234567-8901234": (
        "JPY",
        19940,
        [("ECHO-DOT-4-JP-CHARCOAL", 1, 5980), ("FIRE-TV-4K-MAX-JP", 2, 13960)],
    ),
    # Amazon UK, one item, no tax stated
    "202-7654321-1098765": ("GBP", 34.99, [("ECHO-DOT-4-UK-CHARCOAL-SINGLE", 1, 34.99)]),
    # Amazon Brazil, a business and a consumer, no tax stated
    "171-2345678-9012345": ("BRL", 1599.90, [("DELL-I15-BR-001", 1, 1599.90)]),
    "171-9876543-2109876": ("BRL", 299.90, [("ECHO-DOT-4-BR-PRETO", 1, 299.90)]),
    # Amazon Turkey: import one-stop shop, Amazon is the facilitator and owes the tax
    "028-1234567-8901234": ("TRY", 125.00, [("FIRE-HD10-TR-BLK", 2, 125.00)]),
    # Amazon US, in-store pick-up: 39.99 of goods, 10.00 of sales tax that Amazon pays
    "114-9876543-1234567": ("USD", 49.99, [("ECHO-POP-US-BLK", 1, 39.99), ("Tax collected by Amazon", 1, 10.00)]),
    # Amazon US, a business: 99.98 and 49.99 of goods, 0.02 of sales tax, 5.00 of delivery tip
    "123-4567890-1234567": (
        "USD",
        154.99,
        [
            ("ECHO-DOT-4-CHARCOAL", 2, 99.98),
            ("FIRE-TV-4K-2021", 1, 49.99),
            ("Tax collected by Amazon", 1, 0.02),
            ("Amazon delivery tip", 1, 5.00),
        ],
    ),
    # Amazon UK: 89.97 of goods with 3.00 of tax, 10.00 of shipping with 1.00 of tax
    "202-1234567-8901234": (
        "GBP",
        103.97,
        [("ECHO-DOT-4-UK-CHARCOAL-3PACK", 3, 92.97), ("Amazon shipping", 1, 11.00)],
    ),
}
# What has left Odoo's stock, or Amazon's, when such an order is first seen: Amazon's own quantities.
SHIPPED = {
    "250-1234567-8901234": {"ECHO-DOT-4-JP-CHARCOAL": 1, "FIRE-TV-4K-MAX-JP": 2},  # FBA
    "202-7654321-1098765": {"ECHO-DOT-4-UK-CHARCOAL-SINGLE": 1},
    "171-2345678-9012345": {},
    "171-9876543-2109876": {},
    "028-1234567-8901234": {"FIRE-HD10-TR-BLK": 2},
    "114-9876543-1234567": {},
    "123-4567890-1234567": {"ECHO-DOT-4-CHARCOAL": 2, "FIRE-TV-4K-2021": 1},
    "202-1234567-8901234": {"ECHO-DOT-4-UK-CHARCOAL-3PACK": 3},
}
TAXES = {"202-1234567-8901234": 4.00}
DEEMED = {"028-1234567-8901234", "114-9876543-1234567", "123-4567890-1234567"}
NO_TAX_STATED = {"250-1234567-8901234", "202-7654321-1098765", "171-2345678-9012345", "171-9876543-2109876"}


@tagged("post_install", "-at_install")
@skipUnless(MODEL, "Amazon's model orders_2026-01-01.json is not here; name its folder in SPAPI_MODELS")
class TestAmazonExamples(SpapiCase):
    """All orders of Amazon's own model through the real import, page to sale order."""

    def setUp(self):
        super().setUp()
        # Amazon's orders are of 2024 and 2025, and what ended long ago is not stored: they are bought anew
        self.raw = amazon_examples.bought_lately(amazon_examples.orders(MODEL))
        self.account.marketplace_ids = self.env["spapi.marketplace"].search([])
        self.give_rates(JPY=160.0, GBP=0.85, BRL=6.0, TRY=45.0, USD=1.1)
        skus = sorted({item["product"]["sellerSku"] for raw in self.raw.values() for item in raw["orderItems"]})
        self.env["product.product"].search([("default_code", "in", skus)]).default_code = False
        self.env["product.product"].create(
            [{"name": f"Product {sku}", "default_code": sku, "is_storable": True} for sku in skus]
        )

    def _to_ship(self):
        """All of them as orders that are to be shipped by the seller: money and lines do not depend on it."""
        result = deepcopy(list(self.raw.values()))
        for raw in result:
            raw["fulfillment"] |= {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"}
            for item in raw["orderItems"]:
                item["fulfillment"] |= {"quantityFulfilled": 0, "quantityUnfulfilled": item["quantityOrdered"]}
                item.pop("cancellation", None)
            raw.pop("packages", None)
        return result

    def _import(self, payloads):
        Order = self.env["spapi.order"].sudo()
        stored = Order._store_orders(self.account, payloads, FULL)
        self.assertEqual(len(stored), len(payloads))
        self.assertFalse(stored.filtered("has_unknown_fields"))
        stored.filtered(lambda order: order.state == "new")._as_service()._map_orders()
        return {order.amazon_order_id: order for order in stored}

    def _lines(self, sale):
        return [
            (line.spapi_line_id.sku or line.product_id.name, line.product_uom_qty, line.price_total)
            for line in sale.order_line.sorted("sequence")
        ]

    def _assert_as_expected(self, order):
        currency, total, lines = EXPECTED[order.amazon_order_id]
        self.assertEqual(order.state, "imported", order.problem)
        sale = order.sale_order_id
        self.assertEqual((sale.currency_id.name, sale.amount_total), (currency, total))
        self.assertEqual(self._lines(sale), lines)

    def test_eight_orders(self):
        """Amazon shows six answers of its sandbox and two examples; each is expected here."""
        self.assertEqual(set(self.raw), set(EXPECTED))
        print("FIGURE amazon_example_orders", len(self.raw), "orders =8")

    def test_lines_and_totals(self):
        """Lines and total of each, with the product's taxes where Amazon states none."""
        self.account.missing_tax = "included"
        found = self._import(self._to_ship())
        for order_id, order in found.items():
            with self.subTest(order_id):
                self._assert_as_expected(order)
                self.assertEqual(order.fiscal_scheme, "deemed" if order_id in DEEMED else "regular")
                self.assertTrue(order.fiscal_scheme_reason)
                if order_id in TAXES:
                    self.assertEqual(order.sale_order_id.amount_tax, TAXES[order_id])
                if order_id in DEEMED:
                    self.assertEqual(order.sale_order_id.amount_tax, 0)

    def test_tax_that_amazon_does_not_state(self):
        """Silence is not zero: by default those four stop and say so, on the account's word they come untaxed."""
        found = self._import(self._to_ship())
        stopped = {key: order.problem_code for key, order in found.items() if order.state == "exception"}
        self.assertEqual(stopped, dict.fromkeys(NO_TAX_STATED, "tax_missing"))
        for order_id in set(found) - NO_TAX_STATED:
            self._assert_as_expected(found[order_id])
        self.account.missing_tax = "untaxed"
        for order_id in NO_TAX_STATED:
            found[order_id].action_retry()
            self._assert_as_expected(found[order_id])
            self.assertEqual(found[order_id].sale_order_id.amount_tax, 0)

    def test_as_amazon_sends_them(self):
        """As they stand in the model: those to ship wait for it, those that are shipped have left the stock."""
        self.account.missing_tax = "included"
        found = self._import(list(self.raw.values()))
        orders = self.env["spapi.order"].browse(order.id for order in found.values())
        orders._as_service()._follow_news()
        for order_id, order in found.items():
            with self.subTest(order_id):
                self._assert_as_expected(order)
                moves = order.sale_order_id.picking_ids.move_ids
                done = {}
                for move in moves.filtered(lambda move: move.state == "done"):
                    sku = move.sale_line_id.spapi_line_id.sku
                    done[sku] = done.get(sku, 0) + move.quantity
                self.assertEqual(done, SHIPPED[order_id])
                still = moves.filtered(lambda move: move.state not in ("done", "cancel"))
                self.assertEqual(bool(still), not SHIPPED[order_id])
