from decimal import Decimal as D

from odoo.tests import BaseCase, tagged

from ..mapping.amounts import PriceProblem
from ..mapping.incoming import complete
from ..mapping.money import ItemMoney
from ..mapping.pricing import charges
from ..mapping.vat import find_rate

CENT = D("0.01")


def price(items, total, **options):
    return charges(items, D(total), countries=["IT"], unit=CENT, **options)


def item(total, tax=None, tax_parts=None, quantity=1, item_id="1", **parts):
    parts = {kind: D(value) for kind, value in parts.items()}
    tax_parts = {kind: D(value) for kind, value in (tax_parts or {}).items()}
    return ItemMoney(item_id, quantity, D(total), parts, None if tax is None else D(tax), tax_parts)


@tagged("post_install", "-at_install")
class TestPricing(BaseCase):
    def assertAddsUp(self, found, total):
        self.assertEqual(sum(charge.gross for charge in found), D(total))

    def test_item_and_tax(self):
        (charge,) = price([item("12.20", "2.20", ITEM="10.00")], "12.20")
        self.assertEqual((charge.net, charge.tax, charge.rate), (D("10.00"), D("2.20"), D(22)))

    def test_shipping_of_all_items_is_one_charge(self):
        items = [item("14.64", "2.64", ITEM="10.00", SHIPPING="2.00", item_id=str(n)) for n in range(3)]
        found = price(items, "43.92")
        self.assertEqual([charge.kind for charge in found], ["item"] * 3 + ["shipping"])
        self.assertAddsUp(found, "43.92")

    def test_discount_of_either_sign(self):
        for sign in ("-1.00", "1.00"):
            found = price([item("10.98", "1.98", ITEM="10.00", DISCOUNT=sign)], "10.98")
            self.assertEqual([charge.kind for charge in found], ["item", "discount"])
            self.assertEqual(found[1].net, D("-1.00"))
            self.assertAddsUp(found, "10.98")

    def test_tax_in_proportion_to_the_cent(self):
        found = price([item("36.60", "6.60", ITEM="9.99", SHIPPING="10.01", GIFT_WRAP="10.00")], "36.60")
        self.assertAddsUp(found, "36.60")
        self.assertEqual(sum(charge.tax for charge in found), D("6.60"))

    def test_everything_discounted(self):
        found = price(
            [item("0.00", "0.00", {"ITEM": "2.20", "DISCOUNT": "-2.20"}, ITEM="10.00", DISCOUNT="-10.00")], "0.00"
        )
        self.assertEqual({charge.rate for charge in found}, {D(22)})
        self.assertAddsUp(found, "0.00")

    def test_problems_are_named(self):
        cases = {
            "tax_missing": ([item("10.00", ITEM="10.00")], "10.00"),
            "item_mismatch": ([item("12.21", "2.20", ITEM="10.00")], "12.21"),
            "total_mismatch": ([item("12.20", "2.20", ITEM="10.00")], "12.21"),
            "tax_not_found": ([item("30.00", "20.00", ITEM="10.00")], "30.00"),
        }
        for code, (items, total) in cases.items():
            with self.subTest(code=code), self.assertRaises(PriceProblem) as caught:
                price(items, total)
            self.assertEqual(caught.exception.code, code)

    def test_unknown_tax_may_be_none(self):
        (charge,) = price([item("10.00", ITEM="10.00")], "10.00", missing_tax="untaxed")
        self.assertEqual((charge.tax, charge.rate), (D(0), None))

    def test_no_tax_is_a_rate(self):
        (charge,) = price([item("10.00", "0.00", ITEM="10.00")], "10.00")
        self.assertEqual(charge.rate, D(0))

    def test_rates(self):
        self.assertEqual(find_rate(D("0.10"), D("0.02"), ["IT"], CENT), D(22))
        self.assertEqual(find_rate(D("0.10"), D("0.02"), ["FR"], CENT), D(20))
        self.assertEqual(find_rate(D("100.00"), D("5.50"), ["FR"], CENT), D("5.5"))
        self.assertEqual(find_rate(D("1000.00"), D("88.75"), ["US"], CENT), D("8.875"))
        self.assertIsNone(find_rate(D("0"), D("1"), ["IT"], CENT))
        # so many roundings that 10 % would do as well: the nearest rate of a country is the one
        self.assertEqual(find_rate(D("50.00"), D("2.00"), ["IT"], CENT, parts=500), D(4))

    def test_parts_not_asked_for_are_kept(self):
        old = {"tax": {"a": 1}, "proceeds": {"old": 1}, "orderItems": [{"orderItemId": "1", "tax": {"b": 2}}]}
        new = {"proceeds": {"new": 1}, "orderItems": [{"orderItemId": "1"}, {"orderItemId": "2"}]}
        self.assertEqual(
            complete(new, old, ["TAX"]),
            {
                "proceeds": {"new": 1},
                "tax": {"a": 1},
                "orderItems": [{"orderItemId": "1", "tax": {"b": 2}}, {"orderItemId": "2"}],
            },
        )
        self.assertEqual(complete(new, old, []), new)
