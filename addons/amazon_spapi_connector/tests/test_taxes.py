from odoo.fields import Command
from odoo.tests import tagged

from .common import DE, ES
from .taxcase import FULL, TaxCase

US = "ATVPDKIKX0DER"


@tagged("post_install", "-at_install")
class TestTaxes(TaxCase):
    """Who owes the tax, what it is booked as, and a total that is Amazon's to the cent."""

    # === LINES === #

    def test_every_kind_of_charge(self):
        """Goods, shipping, gift wrap, fees, both kinds of promotions and a tip, each on a line of its own."""
        item = {
            "ITEM": "20.00",
            "SHIPPING": "5.00",
            "GIFT_WRAP": "3.00",
            "COD_FEE": "2.00",
            "OTHER": "1.00",
            "DISCOUNT": "-4.00",
            "discounts": {"ITEM": "-3.00", "SHIPPING": "-1.00"},
            "tax": "5.94",
            "quantity": 2,
        }
        (order,) = self.imported(self.raw(item, order_parts={"DELIVERY_TIP": "1.50"}))
        self.assertLines(
            order,
            [
                ("Goods", 2, 24.40),
                ("Amazon promotion", 1, -3.66),
                ("Amazon shipping promotion", 1, -1.22),
                ("Amazon shipping", 1, 6.10),
                ("Amazon gift wrap", 1, 3.66),
                ("Amazon cash on delivery fee", 1, 2.44),
                ("Amazon other charge", 1, 1.22),
                ("Amazon delivery tip", 1, 1.50),
            ],
        )
        self.assertEqual(order.amount_total, 34.44)

    def test_promotion_of_the_order_is_spread(self):
        """What stands on the order alone is shared by its items in proportion, to the last cent."""
        self.account.zero_tax = "real"
        items = [{"ITEM": amount, "tax": "0.00"} for amount in ("10.00", "10.00", "10.00")]
        raw = self.raw(*items, order_parts={"ITEM": "30.00", "DISCOUNT": "-10.00", "TAX": "0.00"})
        raw["proceeds"]["grandTotal"]["amount"] = "20.00"
        (order,) = self.imported(raw)
        self.assertLines(
            order,
            [
                ("Goods", 1, 10.00),
                ("Amazon promotion", 1, -3.33),
                ("Goods", 1, 10.00),
                ("Amazon promotion", 1, -3.33),
                ("Goods", 1, 10.00),
                ("Amazon promotion", 1, -3.34),
            ],
        )

    def test_free_and_cancelled_items(self):
        """A free item is shipped and costs nothing; one that was cancelled alone has no line."""
        raw = self.raw(
            {"ITEM": "10.00", "tax": "2.20"}, {"total": "0.00"}, {"ITEM": "0.00", "tax": "0.00", "quantity": 0}
        )
        raw["orderItems"][2]["cancellation"] = {"cancellationExecution": {"cancelledBy": "BUYER"}}
        (order,) = self.imported(raw)
        self.assertLines(order, [("Goods", 1, 12.20), ("Goods", 1, 0.00)])

    def test_thirds(self):
        """Three pieces for ten euro cost ten euro."""
        (order,) = self.imported(self.raw({"ITEM": "8.20", "tax": "1.80", "quantity": 3}))
        self.assertLines(order, [("Goods", 3, 10.00)])

    def test_currencies(self):
        """Yen have no cents, and are worth what the books say."""
        self.give_rates(JPY=160.0)
        yen = self.raw({"ITEM": "5980", "tax": "598"}, currency="JPY", marketplace="A1VC38T7YXB528", country="JP")
        half = self.raw({"ITEM": "59.80", "tax": "5.98"}, currency="JPY", marketplace="A1VC38T7YXB528", country="JP")
        order, wrong = self.imported(yen, half)
        self.assertLines(order, [("Goods", 1, 6578)])
        self.assertAlmostEqual(order.sale_order_id.currency_rate, 160.0)
        self.assertEqual((wrong.state, wrong.problem_code), ("exception", "money_fraction"))

    # === SCHEMES === #

    def test_schemes(self):
        """OSS and IOSS are Amazon's word; each has a tax of its own in the map."""
        orders = self.imported(
            self.raw({"ITEM": "10.00", "tax": "2.20"}),
            self.raw({"ITEM": "10.00", "tax": "1.90", "item_tax": self.scheme("UOSS")}, country="DE", marketplace=DE),
            self.raw({"ITEM": "10.00", "tax": "1.90", "item_tax": self.scheme("IOSS")}, country="DE", marketplace=DE),
            self.raw({"ITEM": "10.00", "tax": "1.90"}, {"ITEM": "5", "tax": "0.95", "item_tax": self.scheme("UOSS")}),
        )
        self.assertEqual([order.fiscal_scheme for order in orders], ["regular", "uoss", "ioss", "mixed"])
        taxes = [order.sale_order_id.order_line.tax_ids for order in orders]
        self.assertEqual([len(tax) for tax in taxes], [1, 1, 1, 2])
        self.assertEqual(len(taxes[0] | taxes[1] | taxes[2]), 3)
        rows = self.env["spapi.tax.map"].search([("tax_id", "in", taxes[1].ids)])
        self.assertEqual((rows.scheme, rows.rate, rows.country_id.code), ("uoss", 19.0, "DE"))
        self.assertTrue(all(order.fiscal_scheme_reason for order in orders))

    def test_tax_that_amazon_owes(self):
        """The buyer paid it, the total has it, and it is neither income nor tax of the seller."""
        (order,) = self.imported(
            self.raw(
                {"ITEM": "10.00", "SHIPPING": "5.00", "tax": "3.00", "item_tax": self.collected()},
                country="GB",
                marketplace="A1F83G8C2ARO7P",
            )
        )
        self.assertLines(
            order, [("Goods", 1, 10.00), ("Amazon shipping", 1, 5.00), ("Tax collected by Amazon", 1, 3.00)]
        )
        self.assertEqual((order.fiscal_scheme, order.sale_order_id.amount_tax), ("deemed", 0))
        taxes = order.sale_order_id.order_line.tax_ids
        self.assertEqual((taxes.amount, bool(taxes.invoice_legal_notes)), (0, True))
        order.sale_order_id.order_line.qty_delivered = 1
        move = order.sale_order_id._create_invoices()
        move.action_post()
        line = move.invoice_line_ids.filtered(lambda line: line.price_subtotal == 3.00)
        self.assertEqual(line.account_id.account_type, "liability_current")
        self.assertFalse(line.tax_ids)
        self.assertEqual(move.amount_tax, 0)

    def test_sales_tax_is_added(self):
        """Canada shows prices without tax: the tax is added to the price, and the total is Amazon's to the cent."""
        self.give_rates(CAD=1.5)
        orders = self.imported(
            *(
                self.raw(
                    {"ITEM": net, "tax": tax, "quantity": quantity},
                    currency="CAD",
                    marketplace="A2EUQ1WTGCTBG2",
                    country="CA",
                )
                for net, tax, quantity in (("8.325", "1.665", 1), ("19.98", "2.60", 2), ("9.99", "1.31", 3))
            )
        )
        self.assertEqual(orders[0].problem_code, "money_fraction")
        for order in orders[1:]:
            self.assertEqual(order.state, "imported", order.problem)
            tax = order.sale_order_id.order_line.filtered("spapi_line_id").tax_ids
            self.assertFalse(tax.price_include)
            self.assertEqual(tax.amount, 13)
            self.assertEqual(order.sale_order_id.amount_total, order.amount_total)
        # 9.99 x 13 % is 1.30; Amazon rounded piece by piece
        self.assertLines(orders[2], [("Goods", 3, 11.29), ("Amazon tax rounding", 1, 0.01)])

    def test_united_states(self):
        """Sales tax of a state is Amazon's to pay, although nothing is said of it."""
        self.give_rates(USD=1.1)
        (order,) = self.imported(
            self.raw({"ITEM": "39.99", "tax": "3.55"}, currency="USD", marketplace=US, country="US")
        )
        self.assertLines(order, [("Goods", 1, 39.99), ("Tax collected by Amazon", 1, 3.55)])
        self.assertFalse(order.sale_order_id.order_line.tax_ids.filtered("amount"))

    def test_business_abroad(self):
        """No tax, another member state, a number that is valid: the scheme says so; with a wrong number VAT is due."""
        registration = {
            "entityType": "BUYER",
            "taxRegistrationType": "VAT",
            "taxRegistrationNumber": "DE136695976",
        }
        right, wrong = (self.raw({"ITEM": "10.00", "tax": "0.00"}, country="DE", marketplace=DE) for _n in "ab")
        right["tax"] = {"taxRegistrations": [registration]}
        wrong["tax"] = {"taxRegistrations": [{**registration, "taxRegistrationNumber": "DE136695977"}]}
        one, other = self.imported(right, wrong)
        self.assertEqual((one.vat_check, one.fiscal_scheme), ("valid", "reverse"))
        self.assertTrue(one.sale_order_id.order_line.tax_ids.invoice_legal_notes)
        self.assertEqual(one.state, "imported", one.problem)
        self.assertEqual((other.vat_check, other.state, other.problem_code), ("invalid", "exception", "tax_zero"))

    def test_tax_of_the_product(self):
        """Where Amazon states none and the account says so, the product's tax is taken out of the price exactly."""
        self.account.missing_tax = "included"
        tax = self.env["account.tax"].create(
            {
                "name": "VAT 20 net",
                "amount": 20,
                "type_tax_use": "sale",
                "price_include_override": "tax_excluded",
                "country_id": self.company.account_fiscal_country_id.id,
                "company_id": self.company.id,
            }
        )
        self.goods.taxes_id = [Command.set(tax.ids)]
        # 9.99 with 20 % included: half a cent on both sides, which no net price can give
        (order,) = self.imported(self.raw({"ITEM": "9.99", "SHIPPING": "4.99"}))
        self.assertLines(order, [("Goods", 1, 9.99), ("Amazon shipping", 1, 4.99)])
        used = order.sale_order_id.order_line.tax_ids
        self.assertEqual((used.amount, used.price_include), (20, True))
        self.assertEqual(used.invoice_repartition_line_ids.account_id, tax.invoice_repartition_line_ids.account_id)
        self.assertAlmostEqual(order.sale_order_id.amount_tax, 2.50)

    def test_rounding_of_the_whole(self):
        """A company that rounds taxes of a whole document gets Amazon's totals too."""
        self.company.tax_calculation_rounding_method = "round_globally"
        orders = self.imported(
            *(
                self.raw({"ITEM": "8.32", "tax": "1.67"}, {"ITEM": net, "tax": tax, "quantity": 3}, country="FR")
                for net, tax in (("8.33", "1.66"), ("24.97", "4.99"), ("0.41", "0.08"))
            )
        )
        for order in orders:
            self.assertEqual(order.state, "imported", order.problem)

    # === TERRITORIES === #

    def test_territories(self):
        """Each special territory is known by its postcode; what is kept says so and holds no postcode."""
        cases = {
            ("ES", "35001", "Las Palmas"): "Canary Islands",
            ("ES", "38670", "Adeje"): "Canary Islands",
            ("ES", "51001", "Ceuta"): "Ceuta",
            ("ES", "52006", "Melilla"): "Melilla",
            ("IT", "23041", "Livigno"): "Livigno",
            ("IT", "22061", "Campione"): "Campione d'Italia",
            ("DE", "78266", "Büsingen"): "Büsingen am Hochrhein",
            ("DE", "27498", "Helgoland"): "Heligoland",
            ("FI", "22100", "Mariehamn"): "Åland Islands",
            ("GR", "630 86", "Karyes"): "Mount Athos",
            ("FR", "97110", "Pointe-à-Pitre"): "French overseas departments and collectivities",
            ("GB", "BT1 5GS", "Belfast"): "Northern Ireland",
        }
        raws = [
            self.raw(
                {"ITEM": "10.00", "tax": "2.00" if country == "GB" else "0"},
                country=country,
                postalCode=code,
                city=city,
            )
            for country, code, city in cases
        ]
        for (place, name), order in zip(cases.items(), self.imported(*raws), strict=True):
            with self.subTest(place):
                self.assertEqual(order.state, "imported", order.problem)
                self.assertEqual(order.territory_id.name, name)
                self.assertNotIn(place[1], str(order.read()))
                inside = name == "Northern Ireland"
                self.assertEqual(order.vat_zone, "xi" if inside else "outside")
                # from Italy: goods to Northern Ireland stay in the Union, the others are exported
                self.assertEqual(order.fiscal_scheme, "regular" if inside else "export", name)
                self.assertTrue(order.territory_reason and order.fiscal_scheme_reason)
        print("FIGURE special_territories_known", len(cases), "places")

    def test_ordinary_neighbours(self):
        """The mainland beside a territory is not one."""
        places = [
            ("ES", "28001", "Madrid"),
            ("IT", "23032", "Bormio"),
            ("DE", "78224", "Singen"),
            ("GB", "B1 1AA", "B"),
        ]
        raws = [
            self.raw({"ITEM": "10.00", "tax": "2.00"}, country=country, postalCode=code, city=city)
            for country, code, city in places
        ]
        for order in self.imported(*raws):
            self.assertEqual((order.vat_zone, bool(order.territory_id)), ("ordinary", False))
            self.assertEqual(order.state, "imported", order.problem)

    def test_fiscal_position_of_a_territory(self):
        """Spain's fiscal position is not the Canary Islands'; that of other countries is, or one set for them."""
        self.account.zero_tax = "real"
        Position = self.env["account.fiscal.position"]
        Position.search([("company_id", "=", self.company.id)]).auto_apply = False
        spain, islands, abroad = Position.create(
            [
                {"name": "Spain", "auto_apply": True, "country_id": self.env.ref("base.es").id},
                {"name": "Islands"},
                {"name": "Abroad"},
            ]
        )
        raws = [
            self.raw({"ITEM": "10.00", "tax": "0"}, country="ES", marketplace=ES, postalCode=code)
            for code in ("28001", "35001", "35002", "35003")
        ]
        mainland, first = self.imported(*raws[:2])
        self.assertEqual(mainland.fiscal_position_id, spain)
        self.assertFalse(first.fiscal_position_id)
        self.assertIn("Special Territories", first.fiscal_reason)
        abroad.auto_apply = True
        (second,) = self.imported(raws[2])
        self.assertEqual(second.fiscal_position_id, abroad)
        self.env.ref("amazon_spapi_connector.territory_canary").fiscal_position_id = islands
        (third,) = self.imported(raws[3])
        self.assertEqual(third.fiscal_position_id, islands)

    def test_territories_that_change(self):
        """A new territory counts for orders that are no sale orders yet: their addresses are opened to decide anew."""
        raw = self.raw({"ITEM": "10.00", "tax": "0"}, country="PT", postalCode="9000-001", city="Funchal")
        stored = self.env["spapi.order"].sudo()._store_orders(self.account, [raw], FULL)
        self.assertEqual(stored.vat_zone, "ordinary")
        self.env["spapi.territory"].create(
            {
                "name": "Somewhere",
                "country_id": self.env.ref("base.pt").id,
                "zip_codes": "9000-9399",
                "source": "a test",
            }
        )
        self.assertFalse(stored.vat_zone)
        stored._as_service()._map_orders()
        self.assertEqual((stored.territory_id.name, stored.vat_zone), ("Somewhere", "outside"))

    # === WHICH PART === #

    def test_every_difference_is_named(self):
        """All items that do not add up, and in each the part, stated and found."""
        raw = self.raw(
            {"ITEM": "10.00", "tax": "2.20", "total": "12.21"},
            {"ITEM": "5.00", "SHIPPING": "1.00", "tax": {"ITEM": "1.10", "SHIPPING": "0.22"}, "total": "7.00"},
        )
        raw["orderItems"][0]["product"]["price"] = {"unitPrice": {"amount": "10.01", "currencyCode": "EUR"}}
        (order,) = self.imported(raw)
        self.assertEqual((order.state, order.problem_code), ("exception", "item_mismatch"))
        for text in (
            "TAXED, total: Amazon states 12.21, its parts give 12.20",
            "TAXED, goods: Amazon states 10.01, its parts give 10.00",
            "TAXED, total: Amazon states 7.00, its parts give 7.32",
        ):
            self.assertIn(text, order.problem)

    def test_kind_that_differs(self):
        """The order's own breakdown says which kind is not what its items add up to."""
        raw = self.raw({"ITEM": "10.00", "SHIPPING": "2.00", "tax": "2.64"}, order_parts={"SHIPPING": "2.50"})
        raw["proceeds"]["grandTotal"]["amount"] = "15.25"
        (order,) = self.imported(raw)
        self.assertEqual(order.problem_code, "total_mismatch")
        self.assertIn("total: Amazon states 15.25, its parts give 14.64", order.problem)
        self.assertIn("shipping: Amazon states 2.50, its parts give 2.00", order.problem)

    def test_money_below_zero(self):
        raw = self.raw({"ITEM": "-10.00", "tax": "-2.20"})
        (order,) = self.imported(raw)
        self.assertEqual((order.state, order.problem_code), ("exception", "money_negative"))
        self.assertFalse(order.sale_order_id)

    def test_line_that_odoo_computes_otherwise(self):
        """A tax that was mapped by hand and does not give Amazon's amount: the line is named."""
        (order,) = self.imported(self.raw({"ITEM": "10.00", "tax": "2.20"}))
        row = self.env["spapi.tax.map"].search([("tax_id", "in", order.sale_order_id.order_line.tax_ids.ids)])
        row.tax_id = self.env["account.tax"].create(
            {
                "name": "Fixed",
                "amount_type": "fixed",
                "amount": 5,
                "type_tax_use": "sale",
                "price_include_override": "tax_excluded",
                "country_id": self.company.account_fiscal_country_id.id,
            }
        )
        (second,) = self.imported(self.raw({"ITEM": "10.00", "tax": "2.20"}))
        self.assertEqual((second.state, second.problem_code), ("exception", "total_mismatch"))
        self.assertIn("TAXED: Amazon charged 12.20, Odoo makes 15.00 of it", second.problem)
