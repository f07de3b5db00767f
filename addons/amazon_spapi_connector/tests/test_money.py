import random
from decimal import ROUND_HALF_UP, Decimal

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import DE, ES
from .taxcase import TaxCase

UK, CA, JP = "A1F83G8C2ARO7P", "A2EUQ1WTGCTBG2", "A1VC38T7YXB528"
CENT = Decimal("0.01")


@tagged("post_install", "-at_install")
class TestMoney(TaxCase):
    """Books of every kind behind the same orders: what is booked is Amazon's to the cent, or the order says why not."""

    def sales_tax(self, amount, name=None, **values):
        return self.env["account.tax"].create(
            {
                "name": name or f"Test {amount}%",
                "amount": amount,
                "type_tax_use": "sale",
                "price_include_override": "tax_excluded",
                "country_id": self.company.account_fiscal_country_id.id,
                "company_id": self.company.id,
                **values,
            }
        )

    def stored(self, raw, parts):
        """An order as another search brings it, mapped."""
        order = self.env["spapi.order"].sudo()._store_orders(self.account, [raw], parts)
        order.filtered(lambda one: one.state == "new")._as_service()._map_orders()
        return order

    # === TO THE CENT === #

    def random_items(self, dice, rate):
        """Items whose tax was rounded piece by piece, as Amazon does it."""
        for _number in range(dice.randint(1, 12)):
            quantity = dice.choice((1, 1, 2, 3, 7))
            net, tax = Decimal(dice.randint(1, 9_999)) / 100, {}
            parts = {"ITEM": net * quantity}
            tax["ITEM"] = (net * rate / 100).quantize(CENT, ROUND_HALF_UP) * quantity
            for kind in ("SHIPPING", "GIFT_WRAP"):
                if dice.random() < 0.3:
                    parts[kind] = Decimal(dice.randint(1, 999)) / 100
                    tax[kind] = (parts[kind] * rate / 100).quantize(CENT, ROUND_HALF_UP)
            if dice.random() < 0.3:
                share = dice.choice((Decimal(1), Decimal("0.1"), Decimal("0.333")))
                parts["DISCOUNT"] = -(parts["ITEM"] * share).quantize(CENT, ROUND_HALF_UP)
                tax["DISCOUNT"] = -(tax["ITEM"] * share).quantize(CENT, ROUND_HALF_UP)
            details = tax if dice.random() < 0.5 else str(sum(tax.values()))
            if isinstance(details, dict):
                details = {kind: str(amount) for kind, amount in details.items()}
            yield {**{kind: str(amount) for kind, amount in parts.items()}, "tax": details, "quantity": quantity}

    def assertAllToTheCent(self, method, count=40):
        """Random orders of gross and of net shops, under a company's way of rounding."""
        self.company.tax_calculation_rounding_method = method
        self.give_rates(CAD=1.5)
        dice = random.Random(method)
        shops = [
            ({"country": "IT"}, 22),
            ({"country": "DE", "marketplace": DE}, 19),
            ({"country": "FR"}, Decimal("5.5")),
        ]
        net = {"country": "CA", "marketplace": CA, "currency": "CAD"}
        raws = [
            self.raw(*self.random_items(dice, rate), **options)
            for options, rate in [*shops, (net, 13), (net, Decimal("14.975")), (net, 5)]
            for _number in range(count // 6)
        ]
        for number, (raw, order) in enumerate(zip(raws, self.imported(*raws), strict=True)):
            with self.subTest(items=[item["proceeds"] for item in raw["orderItems"]]):
                self.assertEqual(order.state, "imported", order.problem)
                self.assertEqual(order.sale_order_id.amount_total, order.amount_total)
                if order.amount_total and number % 4 == 0:
                    self.assertEqual(order.sale_order_id._create_invoices().amount_total, order.amount_total)
        print(f"FIGURE orders_to_the_cent_{method} {len(raws)} orders")

    def test_many_odd_cents_by_line(self):
        self.assertAllToTheCent("round_per_line", 60)

    def test_many_odd_cents_of_the_whole(self):
        self.assertAllToTheCent("round_globally", 60)

    def test_given_away_but_for_some_cents(self):
        """A cent of rounding does not come back as euros on the goods and on their promotion."""
        (order,) = self.imported(self.raw({"ITEM": "10.00", "DISCOUNT": "-9.95", "tax": "0.01"}))
        self.assertLines(order, [("Goods", 1, 12.20), ("Amazon promotion", 1, -12.14)])

    def test_nothing_is_said_of_what_costs_nothing(self):
        """Items without any amount, one cancelled alone and one for free, among an item that is paid."""
        raw = self.raw({"ITEM": "10.00", "tax": "2.20"}, {"quantity": 0}, {})
        for item in raw["orderItems"][1:]:
            del item["proceeds"]
        raw["orderItems"][1]["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
        (order,) = self.imported(raw)
        self.assertLines(order, [("Goods", 1, 12.20), ("Goods", 1, 0.00)])
        raw = self.raw({"ITEM": "10.00", "tax": "2.20"}, {})
        del raw["orderItems"][1]["proceeds"]
        raw["proceeds"]["grandTotal"]["amount"] = "15.00"
        (order,) = self.imported(raw)
        self.assertEqual((order.state, order.problem_code), ("exception", "money_missing"))

    def test_replacement_without_any_amount(self):
        """The goods are sent again for nothing; an order that replaces none and states nothing stops."""
        raws = [self.raw({}, {"quantity": 2}) for _n in "ab"]
        for raw in raws:
            raw.pop("proceeds")
            for item in raw["orderItems"]:
                del item["proceeds"]
        raws[0]["associatedOrders"] = [{"orderId": "402-1234567-7654321", "associationType": "REPLACEMENT_ORIGINAL_ID"}]
        free, silent = self.imported(*raws)
        self.assertLines(free, [("Goods", 1, 0.0), ("Goods", 2, 0.0)])
        self.assertEqual(free.sale_order_id.currency_id.name, "EUR")
        self.assertEqual((silent.state, silent.problem_code), ("exception", "money_missing"))

    def test_dinars_have_three_decimals(self):
        self.give_rates(KWD=0.33)
        (order,) = self.imported(self.raw({"ITEM": "10.125", "tax": "2.228", "quantity": 3}, currency="KWD"))
        self.assertLines(order, [("Goods", 3, 12.353)])

    # === THE BOOKS BEHIND === #

    def test_other_sales_keep_their_taxes(self):
        """A tax that is made like one of the books does not take part in its fiscal positions."""
        domestic, abroad = self.sales_tax(22, "Domestic"), self.sales_tax(19, "OSS Germany")
        position = self.env["account.fiscal.position"].create(
            {"name": "OSS DE", "auto_apply": True, "country_id": self.env.ref("base.de").id, "sequence": 0}
        )
        abroad.write(
            {"fiscal_position_ids": [Command.set(position.ids)], "original_tax_ids": [Command.set(domestic.ids)]}
        )
        self.goods.taxes_id = domestic
        self.assertEqual(position.map_tax(domestic), abroad)
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "1.90"}, country="DE", marketplace=DE))
        self.assertLines(order, [("Goods", 1, 11.90)])
        self.assertEqual(order.fiscal_position_id, position)
        made = order.sale_order_id.order_line.tax_ids
        self.assertNotEqual(made, abroad)
        self.assertTrue(made.price_include)
        self.env.invalidate_all()
        self.assertEqual(position.map_tax(domestic), abroad, "any other sale to Germany")
        self.assertFalse(made.fiscal_position_ids)
        self.assertFalse(made.original_tax_ids + made.replacing_tax_ids)

    def test_archived_tax(self):
        """A tax that was archived behind the map is not booked any more, and the order says which and where."""
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "2.20"}))
        tax = order.sale_order_id.order_line.tax_ids
        tax.active = False
        good, stopped = self.imported(
            self.raw({"ITEM": "10.00", "tax": "1.00"}), self.raw({"ITEM": "10.00", "tax": "2.20"})
        )
        self.assertEqual(good.state, "imported", good.problem)
        self.assertEqual((stopped.state, stopped.problem_code), ("exception", "refused"))
        self.assertIn(tax.name, stopped.problem)
        tax.active = True
        stopped.action_retry()
        self.assertEqual(stopped.state, "imported", stopped.problem)

    def test_archived_product_and_pricelist(self):
        """An archived product is still what was sold; an archived pricelist is made anew."""
        self.give_rates(GBP=0.85)
        raws = [self.raw({"ITEM": "10.00", "tax": "2.00"}, currency="GBP", country="FR") for _n in "ab"]
        (first,) = self.imported(raws[0])
        pricelist = first.sale_order_id.pricelist_id
        self.assertEqual(pricelist.currency_id.name, "GBP")
        pricelist.active = False
        self.env.ref("amazon_spapi_connector.product_shipping").active = False
        (second,) = self.imported(
            self.raw({"ITEM": "10.00", "SHIPPING": "1", "tax": "2.20"}, currency="GBP", country="FR")
        )
        self.assertEqual(second.state, "imported", second.problem)
        self.assertTrue(second.sale_order_id.pricelist_id.active)

    def test_products_of_charges_stay(self):
        """Without them no order could be imported at all: they can be archived, not deleted."""
        tip = self.env.ref("amazon_spapi_connector.product_tip")
        with self.assertRaises(UserError):
            tip.unlink()
        with self.assertRaises(UserError):
            tip.product_tmpl_id.unlink()
        self.env["product.product"].create({"name": "Anything"}).unlink()

    def test_price_list_does_not_recompute(self):
        """Amazon's price stays when somebody changes the quantity of a line that was imported."""
        raw = self.raw({"ITEM": "10.00", "DISCOUNT": "-1.00", "tax": "1.98"}, {"total": "0.00"})
        (order,) = self.imported(raw)
        self.goods.list_price = 99
        paid, promotion, free = order.sale_order_id.order_line.sorted("sequence")
        for line in (paid, promotion, free):
            line.product_uom_qty = 2
        self.assertEqual((paid.price_total, promotion.price_total, free.price_total), (24.40, -2.44, 0.0))

    def test_registered_abroad(self):
        """Where the company has a VAT number of its own, a rate that no product knows is a tax of that country: Odoo
        makes no invoice with another."""
        germany = self.env.ref("base.de")
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Germany",
                "auto_apply": True,
                "sequence": 0,
                "country_id": germany.id,
                "foreign_vat": "DE136695976",
            }
        )
        self.goods.invoice_policy = "order"
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "0.70"}, country="DE", marketplace=DE))
        self.assertLines(order, [("Goods", 1, 10.70)])
        self.assertEqual(order.fiscal_position_id, position)
        self.assertEqual(order.sale_order_id.order_line.tax_ids.country_id, germany)
        move = order.sale_order_id._create_invoices()
        move.action_post()
        self.assertEqual((move.state, move.amount_total), ("posted", 10.70))

    def test_two_companies(self):
        """Each company's taxes are its own; one product sold by both bears no tax of the other."""
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "2.20"}))
        other = self.env["res.company"].create(
            {"name": "Other", "country_id": self.env.ref("base.it").id, "currency_id": self.company.currency_id.id}
        )
        self.env.user.company_ids += other
        self.env["account.chart.template"].try_loading("generic_coa", other, install_demo=False)
        rate = {"currency_id": self.env.ref("base.EUR").id, "name": "2020-01-01", "rate": 0.9, "company_id": other.id}
        self.env["res.currency.rate"].create(rate)
        account = self._new_account(name="Other", company_id=other.id, seller_id="A7OTHER")
        raw = self.raw({"ITEM": "10.00", "tax": "2.20"})
        mine, self.account = self.account, account
        (foreign,) = self.imported(raw)
        self.account = mine
        self.assertEqual(foreign.state, "imported", foreign.problem)
        taxes = foreign.sale_order_id.order_line.tax_ids
        self.assertEqual(taxes.company_id, other)
        self.assertNotEqual(taxes, order.sale_order_id.order_line.tax_ids)

    # === NO TAX, OR NONE STATED === #

    def test_zero_is_not_believed_where_vat_is_due(self):
        """Where Amazon does not calculate VAT it states 0.00 on every European order: that is no tax of 0 %."""
        home, abroad = self.imported(
            self.raw({"ITEM": "12.20", "tax": "0.00"}),
            self.raw({"ITEM": "12.20", "tax": "0.00"}, country="ES", marketplace=ES),
        )
        for order in (home, abroad):
            self.assertEqual((order.state, order.problem_code), ("exception", "tax_zero"))
            self.assertEqual(order.remedy, "account")
        self.goods.taxes_id = self.sales_tax(22)
        self.account.missing_tax = "included"
        home.action_retry()
        self.assertLines(home, [("Goods", 1, 12.20)])
        self.assertEqual(home.sale_order_id.amount_tax, 2.20)
        self.account.zero_tax = "real"
        abroad.action_retry()
        self.assertLines(abroad, [("Goods", 1, 12.20)])
        self.assertEqual(abroad.sale_order_id.amount_tax, 0)

    def test_zero_that_has_a_reason(self):
        """Exports, gifts, cents too few to bear a tax, and businesses abroad."""
        self.give_rates(JPY=160.0)
        business = self.raw({"ITEM": "10.00", "tax": "0"}, country="DE", marketplace=DE)
        business["programs"] = ["AMAZON_BUSINESS"]
        orders = self.imported(
            self.raw({"ITEM": "10.00", "tax": "0"}, country="CH"),
            self.raw({"ITEM": "10.00", "tax": "0"}, country="GB", marketplace=UK),
            self.raw({"ITEM": "10.00", "DISCOUNT": "-10.00", "tax": "0"}),
            self.raw({"ITEM": "0.03", "tax": "0"}),
            self.raw({"ITEM": "1000", "tax": "0"}, currency="JPY", country="JP", marketplace=JP),
            business,
        )
        for order in orders:
            self.assertEqual(order.state, "imported", order.problem)
            self.assertEqual(order.sale_order_id.amount_tax, 0)

    def test_shipping_bears_the_tax_of_its_product(self):
        """Where the product's tax decides, two products of two rates make two lines of shipping."""
        self.account.missing_tax = "included"
        self.goods.taxes_id = self.sales_tax(22)
        book = self.env["product.product"].create({"name": "Book", "default_code": "BOOK", "is_storable": True})
        book.taxes_id = self.sales_tax(4)
        raw = self.raw({"ITEM": "12.20", "SHIPPING": "6.10"}, {"ITEM": "10.40", "SHIPPING": "5.20"})
        raw["orderItems"][1]["product"]["sellerSku"] = "BOOK"
        (order,) = self.imported(raw)
        self.assertEqual(order.state, "imported", order.problem)
        found = {
            (line.product_id.name, line.price_total, round(line.price_tax, 2))
            for line in order.sale_order_id.order_line
        }
        self.assertEqual(
            found,
            {
                ("Goods", 12.20, 2.20),
                ("Book", 10.40, 0.40),
                ("Amazon shipping", 6.10, 1.10),
                ("Amazon shipping", 5.20, 0.20),
            },
        )

    def test_product_without_a_tax(self):
        """The company's own sales tax is not made up for a product that has none, nor is its tax forgotten."""
        self.account.missing_tax = "included"
        self.goods.taxes_id = False
        (order,) = self.imported(self.raw({"ITEM": "10.00"}))
        self.assertEqual((order.state, order.problem_code), ("exception", "tax_not_single"))
        self.goods.taxes_id = self.sales_tax(25)
        order.action_retry()
        self.assertLines(order, [("Goods", 1, 10.00)])
        self.assertEqual(order.sale_order_id.amount_tax, 2.00)

    # === AMAZON COLLECTS === #

    def fba(self, tax="2.00", **options):
        """An order that Amazon shipped, as the search for changes brings it: no person, no tax block."""
        raw = self.raw({"ITEM": "10.00", "tax": tax}, **options)
        for key in ("buyer", "recipient", "packages"):
            raw.pop(key, None)
        raw["fulfillment"] |= {"fulfilledBy": "AMAZON", "fulfillmentStatus": "SHIPPED"}
        raw["orderItems"][0]["fulfillment"] = {"quantityFulfilled": 1, "quantityUnfulfilled": 0}
        return self.stored(raw, ("PROCEEDS", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES"))

    def test_british_stock_of_a_seller_from_abroad(self):
        """By law Amazon collects for an Italian company that sells from a British warehouse, unless told otherwise."""
        self.give_rates(GBP=0.85)
        british = {"currency": "GBP", "country": "GB", "marketplace": UK}
        order = self.fba(**british)
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "deemed"), order.problem)
        self.assertLines(order, [("Goods", 1, 10.00), ("Tax collected by Amazon", 1, 2.00)])
        self.assertEqual(order.sale_order_id.amount_tax, 0)
        self.assertIn("was not asked", order.fiscal_scheme_reason)
        market = self.env["spapi.marketplace"].search([("amazon_id", "=", UK)])
        option = self.env["spapi.account.marketplace"].create(
            {"account_id": self.account.id, "marketplace_id": market.id, "tax_collected": "seller"}
        )
        own = self.fba(**british)
        self.assertEqual((own.fiscal_scheme, own.sale_order_id.amount_tax), ("regular", 2.00))
        # another account sells there for another company
        option.tax_collected = "amazon"
        self.assertEqual(self.fba(**british).fiscal_scheme, "deemed")
        option.tax_collected = False
        self.company.account_fiscal_country_id = self.env.ref("base.uk")
        self.assertEqual(self.fba(**british).fiscal_scheme, "regular", "a British company")

    def test_stock_of_the_union(self):
        """German stock of an Italian company is the company's own sale, that of a Swiss one is Amazon's."""
        german = {"country": "DE", "marketplace": DE}
        order = self.fba(**german)
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "regular"), order.problem)
        self.assertIn("was not asked", order.fiscal_scheme_reason)
        self.company.account_fiscal_country_id = self.env.ref("base.ch")
        swiss = self.fba(**german)
        self.assertEqual((swiss.fiscal_scheme, swiss.fiscal_doubt), ("deemed", False))

    def test_country_that_is_assumed(self):
        """Whoever files a return sees on the order that nobody told where it went, and which rate gives it away."""
        german = {"country": "DE", "marketplace": DE}
        order = self.fba(tax="1.90", **german)
        self.assertEqual((order.state, order.fiscal_doubt), ("imported", "assumed"), order.problem)
        self.assertIn("Germany", order.fiscal_scheme_reason)
        self.assertIn("OSS", order.fiscal_scheme_reason)
        self.assertNotIn("%", order.fiscal_scheme_reason)
        abroad = self.fba(tax="2.30", **german)
        self.assertEqual(abroad.fiscal_doubt, "foreign_rate")
        self.assertIn("23 % is no rate of Germany", abroad.fiscal_scheme_reason)
        self.assertEqual(abroad.sale_order_id.spapi_fiscal_doubt, "foreign_rate")
        self.assertEqual(abroad.sale_order_id.spapi_fiscal_scheme_reason, abroad.fiscal_scheme_reason)
        self.give_rates(GBP=0.85)
        self.company.account_fiscal_country_id = self.env.ref("base.uk")
        british = self.fba(currency="GBP", country="GB", marketplace=UK)
        self.assertEqual((british.fiscal_doubt, "OSS" in british.fiscal_scheme_reason), ("assumed", False))

    def test_country_that_is_known(self):
        """An order that the seller ships says where to, and under which scheme."""
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "2.30"}, country="DE", marketplace=DE))
        self.assertEqual((order.fiscal_scheme, order.fiscal_doubt), ("regular", False))
