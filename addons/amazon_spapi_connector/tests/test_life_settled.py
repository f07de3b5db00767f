from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..mapping.reconciling import Policy, compare
from ..models.reconciliation_facts import here_of
from ..models.spapi_order import NEWS
from ..spapi.orders import parse_order
from .lifecase import LifeCase

READ = Policy(read_until=None, since=None, over=None)


@tagged("post_install", "-at_install")
class TestLifeSettled(LifeCase):
    """What Odoo cannot bring in order, a person settles; and Amazon's next real news opens it again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = new_test_user(cls.env, "settled_clerk", groups="amazon_spapi_connector.group_user")

    def settle(self, orders, reason="refunded"):
        """What the clerk does in the window that asks for the reason."""
        action = orders.with_user(self.clerk).action_settle()
        wizard = self.env[action["res_model"]].with_user(self.clerk).browse(action["res_id"])
        wizard.reason = reason
        return wizard.action_settle()

    def verdict(self, order):
        """What a comparison says of an order."""
        _stored, found = here_of(self.account, [order.amazon_order_id])
        parsed = parse_order(self.raw(order.amazon_order_id), marketplaces=order._marketplaces())
        found = compare(parsed, found[order.amazon_order_id], READ)
        return found.result, found.reason, sorted(one.kind for one in found.differences)

    def cancelled_here_after_delivery(self):
        """Shipped, delivered in Odoo, and then the sale order is cancelled there."""
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)
        order.sale_order_id._action_cancel()
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))
        return order

    # === WITH A SALE ORDER === #

    def test_cancelled_after_it_was_delivered(self):
        """The way out: a reason and a name in the chatter, no activity, and known to the comparison."""
        order = self.cancelled_here_after_delivery()
        sale = order.sale_order_id
        self.assertEqual(len(sale.activity_ids), 1)
        self.settle(order)
        self.assertEqual(
            (order.state, order.problem_code, order.settled_reason), ("settled", "cancelled_here", "refunded")
        )
        self.assertEqual((order.settled_user_id, len(sale.activity_ids), order.remedy), (self.clerk, 0, False))
        for thread in (order, sale):
            self.assertIn("Refunded or cancelled at Amazon", thread.message_ids[0].body)
            self.assertEqual(thread.message_ids[0].author_id, self.clerk.partner_id)
        self.assertEqual(self.verdict(order), ("known", "settled_refunded", []))
        # nothing wakes it: not the import, not the same word again, not parcels that travel on or another programme
        self.follow()
        self.change(order.amazon_order_id, programs=["PRIME"])
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.programs, order.follow_up), ("settled", "PRIME", False))
        order.action_open_again()
        self.assertEqual((order.state, order.problem_code, len(sale.activity_ids)), ("exception", "cancelled_here", 1))
        self.assertFalse(order.settled_reason)
        self.assertIn("Open again", order.message_ids[0].body)
        self.follow()
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))

    def test_amazon_ships_what_was_cancelled_here(self):
        order = self.imported()
        order.sale_order_id._action_cancel()
        self.settle(order, "refunded")
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))
        self.assertFalse(order.settled_reason)
        self.assertEqual(len(order.sale_order_id.activity_ids), 1)
        self.settle(order, "shipped")
        self.assertEqual((order.state, order.settled_reason), ("settled", "shipped"))

    def test_cancelled_at_amazon_after_it_was_settled(self):
        order = self.imported()
        order.sale_order_id._action_cancel()
        self.settle(order)
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.settled_reason), ("cancelled", False), order.problem)
        self.assertEqual(self.verdict(order)[0], "equal")

    def test_confirmed_again_after_it_was_settled(self):
        order = self.cancelled_here_after_delivery()
        self.settle(order)
        order.sale_order_id.action_draft()
        order.sale_order_id.action_confirm()
        self.follow()
        self.assertEqual((order.state, order.settled_reason), ("imported", False), order.problem)

    def test_every_problem_of_an_imported_order(self):
        """Whatever the reason, the same button ends it and the same click brings it back."""
        for code in ("not_delivered", "changed_after_import", "total_mismatch", "refused", "unexpected", "tax_missing"):
            with self.subTest(code=code):
                order = self.imported()
                order._give_up_following(code, "A reason")
                self.settle(order, "accepted")
                self.assertEqual((order.state, len(order.sale_order_id.activity_ids)), ("settled", 0))
                self.tell(order.amazon_order_id, full=True)
                self.assertEqual(order.state, "settled")
                order.with_user(self.clerk).action_open_again()
                self.assertEqual((order.state, order.problem_code), ("exception", code))

    def test_another_address_is_no_news_of_a_settled_order(self):
        """It is kept all the same, for when the order is opened again."""
        order = self.imported()
        order._give_up_following("refused", "A reason")
        self.settle(order)
        raw = self.raw(order.amazon_order_id)
        address = {**raw["recipient"]["deliveryAddress"], "addressLine1": "Uxbolstrasse 4711b"}
        self.change(order.amazon_order_id, recipient={"deliveryAddress": address})
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.address_changed), ("settled", True))
        order.action_open_again()
        self.follow()
        self.assertEqual((order.state, order.address_changed), ("imported", False), order.problem)
        self.assertTrue([note for note in self.notes(order) if "other data of the buyer" in note])

    def test_other_quantities_and_an_unusable_update_are_news(self):
        order = self.several_units(quantity=3)
        order.sale_order_id._action_cancel()
        self.settle(order)
        raw = self.raw(order.amazon_order_id)
        self.multiply(raw, 2)
        self.change(order.amazon_order_id, orderItems=raw["orderItems"], proceeds=raw["proceeds"])
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "cancelled_here"))
        self.settle(order)
        raw = self.raw(order.amazon_order_id)
        raw["orderItems"][0]["quantityOrdered"] = -1
        for year, state in ((2040, "exception"), (2041, "settled")):
            self.store({**raw, "lastUpdatedTime": f"{year}-01-01T00:00:00Z"}, full=True)
            self.follow()
            self.assertEqual(order.state, state, "the same mistake once more is no news")
            if state == "exception":
                self.settle(order)

    def test_what_a_person_has_just_done_counts_first(self):
        """Delivered by hand a minute ago: the order is in order, and nothing is left to settle."""
        self.account.shipped_elsewhere = "exception"
        order = self.imported()
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.begin_picking(order).button_validate()
        self.assertTrue(order.follow_up)
        self.settle(order)
        self.assertEqual((order.state, order.settled_reason), ("imported", False))

    # === WITHOUT A SALE ORDER === #

    def stopped(self, **values):
        """An order that cannot become a sale order, for its amounts do not add up."""
        order_id = self.single("fbm_unshipped", 7)
        raw = self.raw(order_id)
        money = {**raw["proceeds"]["grandTotal"], "amount": "4711.11"}
        self.change(order_id, proceeds={"grandTotal": money})
        order = self.tell(order_id, full=True)
        self.assertEqual((order.state, order.problem_code), ("exception", "total_mismatch"))
        return order, raw

    def test_booked_by_hand_and_shipped_later(self):
        """The import makes no second sale order of what a person booked, though Amazon's data is good now."""
        order, raw = self.stopped()
        self.settle(order, "booked")
        self.assertEqual(self.verdict(order), ("known", "settled_booked", []))
        self.change(order.amazon_order_id, proceeds=raw["proceeds"])
        self.move_on(order.amazon_order_id, "SHIPPED")
        for _time in range(2):
            self.tell(order.amazon_order_id)
            self.assertEqual((order.state, order.problem_code, order.sale_order_id.id), ("exception", NEWS, False))
            self.assertIn("Booked by hand in Odoo", order.problem)
            self.change(order.amazon_order_id, programs=["PRIME"])
        with self.assertRaisesRegex(UserError, "No order waits"):
            self.account.action_remap_all()
        order.action_retry()
        self.assertEqual((order.state, bool(order.sale_order_id)), ("imported", True), order.problem)

    def test_cancelled_later(self):
        order, _raw = self.stopped()
        self.settle(order, "unwanted")
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, order.settled_reason), ("cancelled", False))

    def test_waiting_for_a_product(self):
        """A SKU that is none of Odoo's: its orders leave the queue, and come back to it."""
        order_id = self.generate(products=False)[0]
        order = self.tell(order_id, full=True)
        self.account._refresh_waiting_skus()
        listings = self.env["spapi.listing"].search([("sku", "in", order.line_ids.mapped("sku"))])
        self.assertEqual((order.state, set(listings.mapped("waiting_orders"))), ("waiting", {1}))
        self.settle(order, "unwanted")
        self.make_products()
        self.follow()
        self.assertEqual((order.state, set(listings.mapped("waiting_orders"))), ("settled", {0}))
        order.action_open_again()
        self.assertEqual(order.state, "waiting")
        self.follow()
        self.assertEqual(order.state, "imported", order.problem)

    def test_quarantined(self):
        raw = {**self.raw(self.generate()[0]), "orderId": None}
        self.store(raw, full=True)
        order = self.env["spapi.order"].search([("account_id", "=", self.account.id), ("state", "=", "quarantined")])
        self.settle(order, "unwanted")
        self.store(raw, full=True)
        self.assertEqual(order.state, "settled")
        order.action_open_again()
        self.assertEqual((order.state, order.problem_code), ("quarantined", "unreadable"))

    # === A COMPARISON === #

    def test_a_difference_is_accepted(self):
        """An imported order whose sale order a person changed on purpose: it goes on living, known to comparisons."""
        order = self.imported()
        line = order.sale_order_id.order_line.filtered("spapi_line_id")
        line.price_unit += 1
        self.assertEqual(self.verdict(order), ("different", "", ["money"]))
        comparison = self.env["spapi.reconciliation"].create(
            {"account_id": self.account.id, "date_from": "2026-01-01 00:00:00"}
        )
        row = self.env["spapi.reconciliation.line"].create(
            {
                "reconciliation_id": comparison.id,
                "amazon_order_id": order.amazon_order_id,
                "order_id": order.id,
                "kind": "money",
            }
        )
        action = row.with_user(self.clerk).action_settle()
        wizard = self.env[action["res_model"]].with_user(self.clerk).browse(action["res_id"])
        with self.assertRaisesRegex(UserError, "Say why"):
            wizard.action_settle()
        wizard.reason = "accepted"
        wizard.action_settle()
        self.assertEqual((order.state, row.settled_reason), ("imported", "accepted"))
        self.assertEqual(self.verdict(order), ("known", "settled_accepted", []))
        self.tell(order.amazon_order_id, full=True)
        self.assertEqual(self.verdict(order)[0], "known")
        self.move_on(order.amazon_order_id, "SHIPPED")
        self.tell(order.amazon_order_id)
        self.assertEqual((order.state, self.delivered(order)), ("imported", self.ordered(order)), order.problem)
        self.assertEqual((order.settled_reason, self.verdict(order)), (False, ("different", "", ["money"])))

    def test_cancelled_and_come_back(self):
        """Goods of a cancelled order that are back on the shelf differ from nothing."""
        order = self.imported()
        picking = self.begin_picking(order)
        picking._action_done()
        self.move_on(order.amazon_order_id, "CANCELLED")
        self.tell(order.amazon_order_id)
        self.assertEqual(order.problem_code, "cancelled_after_import")
        order.sale_order_id._action_cancel()
        self.follow()
        self.assertEqual((order.state, self.verdict(order)), ("cancelled", ("different", "", ["shipped"])))
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        back = self.env["stock.picking"].browse(wizard.action_create_returns_all()["res_id"])
        back.move_ids.picked = True
        back._action_done()
        self.assertEqual(self.verdict(order)[0], "equal")

    # === RIGHTS === #

    def test_who_may(self):
        order = self.imported()
        order.sale_order_id._action_cancel()
        seller = new_test_user(self.env, "settled_seller", groups="sales_team.group_sale_salesman_all_leads")
        for name in ("action_settle", "action_open_again"):
            with self.assertRaises(AccessError):
                getattr(order.with_user(seller), name)()
        with self.assertRaises(AccessError):
            order.with_user(seller)._settle("accepted")
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "settled_stranger",
            groups="amazon_spapi_connector.group_user",
            company_id=elsewhere.id,
            company_ids=[(6, 0, elsewhere.ids)],
        )
        Wizard = self.env["spapi.order.settle"].with_user(stranger)
        with self.assertRaises(AccessError):
            Wizard.create({"order_ids": order.ids, "reason": "stock"}).action_settle()
        self.assertEqual(order.state, "exception")
        with self.assertRaisesRegex(UserError, "needs a person"):
            self.imported(seed=9).with_user(self.clerk).action_settle()
