"""The comparison itself: an order of Amazon's against what is here, part by part."""

from datetime import UTC, datetime
from decimal import Decimal as D

from odoo.tests import BaseCase, tagged

from ..mapping.reconciling import EQUAL, KNOWN, Here, Policy, Sale, SoldItem, compare
from ..spapi.orders import parse_order

THEN = datetime(2026, 5, 1, 12, 0)
LATER = datetime(2026, 5, 2, 12, 0)
READ = Policy(read_until=datetime(2026, 5, 10), since=datetime(2026, 4, 1), over=datetime(2025, 1, 1))


def amazon(status="UNSHIPPED", channel="MERCHANT", updated=THEN, total="24.40", shipped=0, currency="EUR", quantity=2):
    item = {
        "orderItemId": "11",
        "quantityOrdered": quantity,
        "product": {"asin": "B01", "sellerSku": "SKU"},
        "fulfillment": {"quantityFulfilled": shipped, "quantityUnfulfilled": quantity - shipped},
        "proceeds": {"proceedsTotal": {"amount": total, "currencyCode": currency}},
    }
    if not quantity:
        item["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
    return parse_order(
        {
            "orderId": "406-1234567-1234567",
            "createdTime": "2026-05-01T10:00:00Z",
            "lastUpdatedTime": updated.replace(tzinfo=UTC).isoformat(),
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": "APJ6JRA9NG5V4"},
            "fulfillment": {"fulfillmentStatus": status, "fulfilledBy": channel},
            "proceeds": {"grandTotal": {"amount": total, "currencyCode": currency}},
            "orderItems": [item],
        }
    )


def sale(ordered=2, delivered=0, total="24.40", state="sale", currency="EUR", name="S1", linked=True):
    delivered = None if delivered is None else D(delivered)
    return Sale(name, state, D(total), currency, {"11": SoldItem(D(ordered), delivered)}, linked)


def here(*sales, state="imported", problem="", status="UNSHIPPED", updated=THEN, total="24.40", quantity=2):
    return Here(state, problem, status, updated, D(total), {"11": quantity}, sales)


@tagged("post_install", "-at_install")
class TestCompare(BaseCase):
    def kinds(self, order, stored, policy=READ):
        verdict = compare(order, stored, policy)
        return [(one.kind, one.part, one.amazon, one.odoo) for one in verdict.differences]

    def assertKnown(self, reason, order, stored, policy=READ):
        self.assertEqual(
            (compare(order, stored, policy).result, compare(order, stored, policy).reason), (KNOWN, reason)
        )

    def test_equal(self):
        for order, stored in (
            (amazon(), here(sale())),
            (amazon("SHIPPED", shipped=2), here(sale(delivered=2), status="SHIPPED")),
            (amazon("PARTIALLY_SHIPPED", shipped=1), here(sale(delivered=1), status="PARTIALLY_SHIPPED")),
            (amazon("SHIPPED", "AMAZON", shipped=2), here(sale(delivered=2, state="done"), status="SHIPPED")),
            (amazon("SHIPPED", shipped=2), here(sale(delivered=None), status="SHIPPED")),
            (amazon("CANCELLED"), here(sale(state="cancel"), state="cancelled", status="CANCELLED")),
            (amazon(total="24.4"), here(sale(total="24.400"))),
        ):
            self.assertEqual(compare(order, stored, READ).result, EQUAL)

    def test_missing_or_knowingly_not_here(self):
        self.assertEqual(self.kinds(amazon(), None), [("missing", "", "UNSHIPPED", "-")])
        self.assertKnown("over", amazon(updated=datetime(2024, 12, 1)), None)
        self.assertKnown("before_since", amazon(updated=datetime(2026, 3, 1)), None)
        self.assertKnown("not_read_yet", amazon(updated=datetime(2026, 5, 11)), None)
        self.assertKnown("not_read_yet", amazon(), None, Policy(None, None, None))
        self.assertKnown("waiting", amazon(), here(state="waiting"))
        self.assertKnown("to_import", amazon(), here(state="new"))
        self.assertKnown("total_mismatch", amazon(), here(state="exception", problem="total_mismatch"))
        self.assertKnown("quarantined", amazon(), here(state="quarantined"))
        self.assertKnown("pending", amazon("PENDING"), here(state="pending", status="PENDING"))
        self.assertKnown("fba", amazon("SHIPPED", "AMAZON"), here(state="ignored", problem="fba", status="SHIPPED"))
        self.assertKnown("cancelled", amazon("CANCELLED"), here(state="cancelled", status="CANCELLED"))
        prepared = here(state="pending", problem="fba_preparing")
        self.assertKnown("fba_preparing", amazon("UNSHIPPED", "AMAZON"), prepared)

    def test_outdated(self):
        changed = amazon("SHIPPED", updated=LATER, shipped=2)
        self.assertEqual(
            self.kinds(changed, here(sale())),
            [
                ("outdated", "last_update", "2026-05-02 12:00:00 UTC", "2026-05-01 12:00:00 UTC"),
                ("status", "status", "SHIPPED", "UNSHIPPED"),
            ],
        )
        self.assertKnown("not_read_yet", changed, here(sale()), Policy(THEN, None, None))
        self.assertEqual(self.kinds(amazon(), here(sale(), updated=LATER)), [], "Odoo may have the newer state")

    def test_doubled(self):
        self.assertEqual(
            self.kinds(amazon(), here(sale(name="S2"), sale(name="S1", linked=False))),
            [("doubled", "sale_order", "1", "S1, S2")],
        )
        self.assertEqual(self.kinds(amazon(), here(sale(), sale(name="S9", state="cancel"))), [])

    def test_states(self):
        self.assertEqual(self.kinds(amazon(), here()), [("sale_state", "sale_order", "UNSHIPPED", "-")])
        for state in ("draft", "sent", "cancel"):
            self.assertEqual(
                self.kinds(amazon(), here(sale(state=state))),
                [("sale_state", "sale_order", "UNSHIPPED", f"S1: {state}")],
            )
        self.assertEqual(
            self.kinds(amazon("CANCELLED"), here(sale(), status="CANCELLED", state="cancelled")),
            [("sale_state", "sale_order", "CANCELLED", "S1: sale")],
        )
        for state, order in (
            ("imported", amazon("CANCELLED")),
            ("imported", amazon("PENDING")),
            ("cancelled", amazon("UNSHIPPED")),
            ("ignored", amazon("UNSHIPPED")),
            ("pending", amazon("UNSHIPPED")),
            ("waiting", amazon("CANCELLED")),
            ("new", amazon("UNFULFILLABLE")),
        ):
            stored = here(sale() if state == "imported" else sale(state="cancel"), state=state, status=order.status)
            self.assertIn("state", [kind for kind, *_rest in self.kinds(order, stored)], (state, order.status))
        self.assertEqual(
            self.kinds(amazon(), here(sale(), status="SHIPPED")), [("status", "status", "UNSHIPPED", "SHIPPED")]
        )

    def test_pieces_and_money(self):
        self.assertEqual(self.kinds(amazon(), here(sale(ordered=3))), [("quantity", "11", "2", "3")])
        self.assertEqual(
            self.kinds(amazon("SHIPPED", shipped=2), here(sale(delivered=1), status="SHIPPED")),
            [("shipped", "11", "2", "1")],
        )
        self.assertEqual(self.kinds(amazon(), here(sale(delivered=2))), [("shipped", "11", "0", "2")])
        self.assertEqual(self.kinds(amazon(), here(sale(total="24.41"))), [("money", "total", "24.40", "24.41")])
        self.assertEqual(self.kinds(amazon(), here(sale(currency="GBP"))), [("money", "currency", "EUR", "GBP")])
        self.assertEqual(
            self.kinds(amazon(total="24.00"), here(sale(total="24.00"), total="25")),
            [("money", "copy", "24.00", "25.00")],
        )
        self.assertEqual(self.kinds(amazon(), here(sale(), quantity=1)), [("quantity", "11", "2", "1")])
        gone = here(sale(ordered=2, total="0"), quantity=0, total="0")
        self.assertEqual(
            self.kinds(amazon(quantity=0, total="0"), gone), [("quantity", "11", "0", "2")], "cancelled at Amazon"
        )
        cancelled = here(sale(state="cancel", delivered=2), state="cancelled", status="CANCELLED")
        self.assertEqual(self.kinds(amazon("CANCELLED"), cancelled), [("shipped", "11", "0", "2")])
