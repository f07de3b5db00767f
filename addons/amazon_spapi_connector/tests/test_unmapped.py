from datetime import datetime
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models import spapi_listing_actions, spapi_order
from .common import ES, IT, SpapiCase

HOSTILE = [
    'O\'Brien "12"/A\\B',
    "多语言-ß-ñ-🛠",
    "  two spaces  inside ",
    "%_like%",
    "a,b;c",
    "<b>x</b>&amp;",
    "'; DROP TABLE spapi_order; --",
]


@tagged("post_install", "-at_install")
class TestUnmapped(SpapiCase):
    def put(self, *skus, marketplace=IT, number=0, **changes) -> str:
        """Put an order with one unit of each of `skus` at Amazon; returns its number."""
        order_id = self.sandbox.generate(1, marketplaces=[marketplace], seed=100 + number)[0]
        raw = {**self.sandbox.orders()[order_id], **changes}
        template = raw["orderItems"][0]
        total = len(skus) * float(template["proceeds"]["proceedsTotal"]["amount"])
        raw["orderItems"] = [
            {
                **template,
                "orderItemId": f"{number}{index:012d}",
                "product": {**template["product"], "sellerSku": sku, "asin": f"B0{index:08d}", "title": f"Title {sku}"},
            }
            for index, sku in enumerate(skus)
        ]
        raw["proceeds"]["grandTotal"]["amount"] = f"{total:.2f}"
        # changed, and long enough ago for Amazon's index
        self.sandbox.patch(order_id, {key: raw[key] for key in ("orderItems", "proceeds", *changes)})
        self.sandbox.advance(300)
        return order_id

    def listing(self, sku, **extra):
        return self.env["spapi.listing"].search(
            [
                ("account_id", "=", self.account.id),
                ("sku", "=", sku),
                *((key, "=", value) for key, value in extra.items()),
            ]
        )

    def product(self, name, **values):
        return self.env["product.product"].create({"name": name, "is_storable": True, **values})

    def test_hostile_skus(self):
        """Quotes, slashes, spaces, other scripts, twice in one order, in another case: each is its own SKU, whole."""
        number = self.put(*HOSTILE, HOSTILE[0], HOSTILE[0].upper())
        self.run_import()
        order = self.order(number)
        self.assertEqual(order.state, "waiting", order.problem)
        self.assertEqual(set(order.line_ids.mapped("sku")), {*HOSTILE, HOSTILE[0].upper()})
        for sku in HOSTILE[:-1]:
            self.listing(sku).product_id = self.product(sku)
        # by its reference, and the other case is another SKU
        self.product("by reference", default_code=HOSTILE[-1])
        self.run_import()
        self.assertEqual((order.state, order.missing_skus), ("waiting", HOSTILE[0].upper()))
        self.listing(HOSTILE[0].upper()).product_id = self.product("upper")
        self.run_import()
        self.assertEqual(order.state, "imported", order.problem)
        self.assertEqual(len(order.sale_order_id.order_line.filtered("spapi_line_id")), len(HOSTILE) + 2)
        print(f"FIGURE hostile_skus {len(HOSTILE) + 1} SKUs")

    def test_queue_counts_and_sorts(self):
        """The queue says how many orders wait for a SKU and until when; the most wanted stands first."""
        first = self.put("Q-ONE", number=1)
        second = self.put("Q-TWO", "Q-ONE", number=2)
        third = self.put("Q-ONE", number=3, marketplace=ES)
        self.run_import()
        orders = self.order(first) + self.order(second) + self.order(third)
        one, two = self.listing("Q-ONE"), self.listing("Q-TWO")
        self.assertEqual((one.waiting_orders, two.waiting_orders), (3, 1))
        self.assertEqual(one.waiting_ship_by, min(orders.mapped("ship_by")))
        self.assertEqual(one.title, "Title Q-ONE")
        queue = self.env["spapi.listing"].search(
            [("account_id", "=", self.account.id), ("product_id", "=", False)],
            order="waiting_orders desc, waiting_ship_by, sku",
        )
        self.assertEqual(queue, one + two)
        self.assertEqual(self.account.unmapped_count, 2)
        # an order that is cancelled waits no more
        self.sandbox.advance(3600)
        self.sandbox.control("POST", f"orders/{first}/transition", {"status": "CANCELLED"})
        self.sandbox.advance(3600)
        self.run_import()
        self.assertEqual(one.waiting_orders, 2)
        # a SKU that is one product in Spain still waits in Italy
        self.env["spapi.listing"].create(
            {
                "account_id": self.account.id,
                "sku": "Q-ONE",
                "product_id": self.product("Spain").id,
                "marketplace_id": self.env["spapi.marketplace"].search([("amazon_id", "=", ES)]).id,
            }
        )
        self.run_import()
        self.assertEqual(self.order(third).state, "imported")
        self.assertEqual(one.waiting_orders, 1)
        two.product_id = one.product_id = self.product("Both")
        self.run_import()
        self.assertEqual(self.order(second).state, "imported")
        self.assertEqual((one.waiting_orders, two.waiting_orders), (0, 0))
        self.assertEqual(self.order(second).line_ids.product_id, one.product_id)

    def test_suggestions(self):
        """A barcode, an ISBN, the ASIN of another listing, the same code written otherwise, a similar one."""
        by_barcode = self.product("Barcode", barcode="4006381333931")
        book = self.product("Book", barcode="9780306406157")
        by_asin = self.product("By ASIN")
        by_code = self.product("Code", default_code="lamp_100.blk")
        near = self.product("Near", default_code="CHAIR-2001-OAK")
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.product("Hidden", default_code="TABLE-77", company_id=elsewhere.id)
        Listing = self.env["spapi.listing"]
        Listing.create({"account_id": self.account.id, "sku": "OLD", "asin": "B012345678", "product_id": by_asin.id})
        cases = {
            "04006381333931": (by_barcode, {}),
            "BOOK-X": (book, {"asin": "0306406152"}),
            "NEW": (by_asin, {"asin": "B012345678"}),
            "LAMP-100-BLK-FBA": (by_code, {}),
            "CHAIR-2001-OAC": (near, {}),
            "TABLE 77": (Listing.product_id, {}),
            "nothing like it": (Listing.product_id, {}),
        }
        rows = Listing.create([{"account_id": self.account.id, "sku": sku, **case[1]} for sku, case in cases.items()])
        for row in rows:
            self.assertEqual(row.suggested_product_id, cases[row.sku][0], row.sku)
            self.assertEqual(bool(row.suggestion_reason), bool(cases[row.sku][0]))
        with self.assertRaises(UserError):
            rows[-1].action_use_suggestion()
        user = new_test_user(self.env, "assigner", groups="amazon_spapi_connector.group_user")
        rows.with_user(user).action_use_suggestion()
        # of several at once only what is sure; what is similar is looked at one by one
        self.assertEqual([bool(row.product_id) for row in rows], [True] * 4 + [False] * 3)
        rows[4].with_user(user).action_use_suggestion()
        self.assertEqual(rows[4].product_id, near)
        self.assertEqual(rows[0].product_id, by_barcode)
        self.assertEqual(rows[0].assigned_by_id, user)
        self.assertFalse(rows[-1].product_id)
        # undone
        rows[0].with_user(user).action_undo()
        self.assertFalse(rows[0].product_id)
        rows[0].product_id = book
        rows[0].product_id = by_asin
        rows[0].action_undo()
        self.assertEqual(rows[0].product_id, book)
        with self.assertRaises(UserError):
            rows[0].action_undo()

    def test_dialog(self):
        """One SKU with its suggestions; one product for several SKUs; a new product."""
        number = self.put("D-1", "D-2", number=5)
        self.run_import()
        rows = self.listing("D-1") + self.listing("D-2")
        likely = self.product("Likely", default_code="d1")
        Wizard = self.env["spapi.listing.assign"]
        wizard = Wizard.browse(rows[0].action_find_product()["res_id"])
        self.assertEqual((wizard.sku, wizard.waiting_orders), ("D-1", 1))
        self.assertEqual(wizard.line_ids[:1].product_id, likely)
        with self.assertRaises(UserError):
            wizard.action_assign()
        wizard.line_ids[:1].action_use()
        self.assertEqual(rows[0].product_id, likely)
        both = self.product("Both")
        wizard = Wizard.browse(rows.action_find_product()["res_id"])
        wizard.product_id = both
        wizard.action_assign()
        self.assertEqual(rows.product_id, both)
        self.run_import()
        self.assertEqual(self.order(number).sale_order_id.order_line.filtered("spapi_line_id").product_id, both)
        self.put("D-3", number=6)
        self.run_import()
        fresh = self.listing("D-3")
        seller = new_test_user(self.env, "no_products", groups="amazon_spapi_connector.group_user")
        with self.assertRaises(AccessError):
            fresh.with_user(seller).action_create_products()
        Wizard.browse(fresh.action_find_product()["res_id"]).action_create()
        self.assertEqual((fresh.product_id.name, fresh.product_id.default_code), ("Title D-3", "D-3"))

    def test_two_clerks_at_one_sku(self):
        """Who was slower sees what the faster one chose; the order that both looked at is imported."""
        number = self.put("C-1", "C-2", number=1)
        self.run_import()
        order = self.order(number)
        row = self.listing("C-1")
        self.assertIn(
            "other SKUs too: 1", row.with_context(lang=None)._assigned(row._count_waiting())["params"]["message"]
        )
        row.product_id = self.product("First")
        # the page of the slower clerk still offers to assign
        action = order.action_assign_products()
        rows = self.env["spapi.listing"].search(action["domain"])
        self.assertEqual(rows, row + self.listing("C-2"))
        self.assertEqual(row.product_id.name, "First")
        rest = rows - row
        self.assertEqual(rest._count_waiting(), (0, 0), "the import looks at the order again")
        self.run_import()
        self.assertEqual(rest._count_waiting(), (1, 0))
        rest.product_id = self.product("Second")
        self.run_import()
        self.assertEqual(order.state, "imported", order.problem)

    def test_waiting_orders_of_a_marketplace(self):
        """A row for one marketplace counts, opens and tries again the orders of that marketplace."""
        spain = self.env["spapi.marketplace"].search([("amazon_id", "=", ES)])
        row = self.env["spapi.listing"].create(
            {"account_id": self.account.id, "sku": "W-1", "marketplace_id": spain.id}
        )
        numbers = [self.put("W-1", number=1), self.put("W-1", number=2, marketplace=ES)]
        self.run_import()
        self.assertEqual(row.waiting_orders, 1)
        self.assertEqual(self.env["spapi.order"].search(row.action_view_waiting()["domain"]), self.order(numbers[1]))
        general = self.listing("W-1", marketplace_id=False)
        self.assertEqual(general.waiting_orders, 1)

    def test_many_are_tried_again_by_the_import(self):
        """Nobody's browser waits for hundreds of orders: the import takes them, batch by batch."""
        number = self.put("L-1", number=1)
        self.run_import()
        order = self.order(number)
        self.product("Later", default_code="L-1")
        for try_again in (order.action_retry, self.listing("L-1").action_remap):
            order.state = "waiting"
            with patch.object(spapi_order, "RETRY_AT_ONCE", 0), patch.object(spapi_listing_actions, "RETRY_AT_ONCE", 0):
                message = try_again()["params"]["message"]
            self.assertIn("within minutes", message)
            self.assertEqual((order.state, order.sale_order_id.id), ("new", False))
        self.run_import()
        self.assertEqual(order.state, "imported", order.problem)

    def test_rules(self):
        """The account's rule: wait, create, a default product."""
        with self.assertRaises(ValidationError):
            self.account.unmapped_sku_rule = "default"
        default = self.product("Default")
        self.account.write({"unmapped_sku_rule": "default", "default_product_id": default.id})
        first = self.put("R-1", number=1)
        self.run_import()
        self.assertEqual(self.order(first).state, "imported", self.order(first).problem)
        self.assertEqual(self.order(first).line_ids.product_id, default)
        self.assertTrue(self.listing("R-1"), "the SKU stays in the queue")
        self.assertFalse(self.listing("R-1").product_id)
        self.account.unmapped_sku_rule = "create"
        self.product("Twin", default_code="R-3")
        self.product("Twin", default_code="R-3")
        numbers = [self.put("R-2", "R-2", number=2), self.put("R-2", number=3), self.put("R-3", number=4)]
        self.run_import()
        self.assertEqual([self.order(number).state for number in numbers], ["imported", "imported", "waiting"])
        made = self.env["product.product"].search([("default_code", "=", "R-2")])
        self.assertEqual((len(made), made.name, made.is_storable), (1, "Title R-2", True))
        self.assertEqual(self.listing("R-2").product_id, made)

    def test_a_mapping_touches_no_confirmed_order(self):
        """Another product for a SKU changes quotations when asked to, and confirmed orders never."""
        old, new = self.product("Old"), self.product("New")
        row = self.env["spapi.listing"].create({"account_id": self.account.id, "sku": "M-1", "product_id": old.id})
        confirmed = self.put("M-1", number=1)
        self.run_import()
        self.account.confirmation = "manual"
        quotation = self.put("M-1", number=2)
        self.run_import()
        sales = [self.order(number).sale_order_id for number in (confirmed, quotation)]
        self.assertEqual([sale.state for sale in sales], ["sale", "draft"])
        total = sales[1].amount_total
        row.product_id = new
        self.assertEqual((sales[0] + sales[1]).order_line.filtered("spapi_line_id").product_id, old)
        row.action_remap()
        lines = [sale.order_line.filtered("spapi_line_id") for sale in sales]
        self.assertEqual([line.product_id for line in lines], [old, new])
        self.assertEqual(sales[0].picking_ids.move_ids.product_id, old)
        self.assertEqual(sales[1].amount_total, total)
        self.assertEqual(lines[1].name, lines[0].name)
        sales[1].action_confirm()
        self.assertEqual(sales[1].picking_ids.move_ids.product_id, new)

    def test_import_of_a_file(self):
        """Odoo's own import: product by reference, the row of the queue filled in, errors named by line."""
        self.put("F-1", number=1)
        self.run_import()
        product = self.product("From file", default_code="FILE-1")
        fields = ["sku", "product_id", "account_id", "marketplace_id"]
        account, marketplace = self.account.name, self.env["spapi.marketplace"].search([("amazon_id", "=", ES)]).name
        result = self.env["spapi.listing"].load(
            fields,
            [
                ["F-1", "FILE-1", account, ""],
                ["F-2/“x”", "FILE-1", account, ""],
                ["F-2/“x”", "FILE-1", account, marketplace],
            ],
        )
        self.assertFalse(result["messages"])
        self.assertEqual(len(self.listing("F-1")), 1)
        self.assertEqual(self.listing("F-1").product_id, product)
        self.assertEqual(self.listing("F-2/“x”").product_id, product)
        with mute_logger("odoo.sql_db"):
            again = self.env["spapi.listing"].load(fields, [["F-1", "FILE-1", account, ""]])
        self.assertTrue(again["messages"])
        self.run_import()
        self.assertEqual(self.listing("F-1").waiting_orders, 0)

    def test_no_row_is_made_for_what_nobody_waits_for(self):
        """Orders whose SKUs all have products leave nothing in the queue."""
        self.sandbox.generate(5)
        self.make_products()
        self.run_import()
        self.assertFalse(self.env["spapi.listing"].search([("account_id", "=", self.account.id)]))
        self.assertLess(datetime(2020, 1, 1), self.account.last_success)
