from datetime import datetime
from time import perf_counter

from odoo.tests import BaseCase, tagged

from ..mapping.similar import Index, core, gtin, normalised
from ..mapping.working_time import hours_between, moment_before

LETTERS = str.maketrans("0123456789", "abcdefghij")


@tagged("post_install", "-at_install")
class TestSimilar(BaseCase):
    def test_same_code_written_otherwise(self):
        """Case, separators, width, a channel's word and a country at the end make no other article."""
        for sku in ("AB-1234", "ab_1234", "AB 1234/FBA", "fbm-AB1234", "AB-1234-DE", "ＡＢ1234", "AB-1234-FBA-IT"):
            self.assertEqual(core(sku), "ab1234", sku)
        self.assertEqual(core("FBA"), "fba")
        self.assertEqual(core("DE"), "de")
        self.assertEqual(core("//--"), "")
        self.assertEqual(normalised("Größe 42"), "grösse42")

    def test_trade_numbers(self):
        self.assertEqual(gtin("4006381333931"), "4006381333931")
        self.assertEqual(gtin("04006381333931"), "4006381333931")
        self.assertEqual(gtin("400-6381 333931"), "4006381333931")
        # the ASIN of a book is its ISBN-10
        self.assertEqual(gtin("0306406152"), "9780306406157")
        self.assertEqual(gtin("080442957X"), "9780804429573")
        self.assertEqual(gtin("B00EXAMPLE"), "")
        self.assertEqual(gtin("1234"), "")

    def test_order_of_suggestions(self):
        """The same code first, then the closest; what is not close is not shown."""
        index = Index(
            [(1, "LAMP-100-BLK"), (2, "lamp100blk"), (3, "LAMP-100-WHT"), (4, "LAMP-101-BLK"), (5, "LAMP-100-BLC")]
        )
        found = index.find("Lamp 100 BLK FBA")
        self.assertEqual([key for key, score in found if score == 1], [1, 2])
        self.assertIn(5, [key for key, _score in found])
        # another colour by its name, another number by a digit: other articles
        self.assertFalse({3, 4} & {key for key, _score in found})
        self.assertEqual(Index([(1, "Lampshade")]).find("lamp-shades")[0][0], 1)
        self.assertEqual(index.find(""), [])
        self.assertEqual(index.find("''/\\"), [])

    def test_quick_with_many_products(self):
        """Eighty SKUs against 20,000 products are looked through in a moment; the figure says in how long."""
        index = Index((number, f"ART-{number:06d}-{number % 7}") for number in range(20000))
        begun = perf_counter()
        found = [index.find(f"artt{number:06d}{number % 7} de") for number in range(0, 80 * 131, 131)]
        print(f"FIGURE suggestions_80_of_20000 {perf_counter() - begun:.2f} s")
        self.assertTrue(all(found))

    def test_quick_with_a_collection(self):
        """All codes bear the brand and the year: nothing is guessed then, and nobody waits for it."""
        colours = ("black", "white", "green", "brown", "beige")
        codes = [f"Brand-2024-{colours[number % 5]}" + f"{number:05d}".translate(LETTERS) for number in range(20000)]
        index = Index(enumerate(codes))
        begun = perf_counter()
        for code in codes[:8000:100]:
            index.find(code + "x")
        seconds = perf_counter() - begun
        print(f"FIGURE suggestions_80_of_a_collection {seconds:.2f} s")
        # the same code otherwise written is found however many are alike
        self.assertEqual(index.find(codes[77].replace("-", " ").upper())[0], (77, 1.0))
        self.assertLess(max(len(index._near(core(code) + "x")) for code in codes[:8000:100]), 501)


@tagged("post_install", "-at_install")
class TestWorkingTime(BaseCase):
    # Friday and Monday, 8 to 12 and 13 to 17
    WORK = (
        (datetime(2026, 11, 20, 8), datetime(2026, 11, 20, 12)),
        (datetime(2026, 11, 20, 13), datetime(2026, 11, 20, 17)),
        (datetime(2026, 11, 23, 8), datetime(2026, 11, 23, 12)),
        (datetime(2026, 11, 23, 13), datetime(2026, 11, 23, 17)),
    )

    def test_hours_between(self):
        self.assertEqual(hours_between(self.WORK, datetime(2026, 11, 20, 11), datetime(2026, 11, 23, 9)), 6)
        self.assertEqual(hours_between(self.WORK, datetime(2026, 11, 21), datetime(2026, 11, 22)), 0)
        self.assertEqual(hours_between(self.WORK, datetime(2026, 11, 23), datetime(2026, 11, 20)), 0)
        self.assertEqual(hours_between((), datetime(2026, 11, 20), datetime(2026, 11, 23)), 0)

    def test_moment_before(self):
        """Eight hours before Monday noon are Friday 13:00: the weekend does not count."""
        noon = datetime(2026, 11, 23, 12)
        self.assertEqual(moment_before(self.WORK, noon, 8), datetime(2026, 11, 20, 13))
        self.assertEqual(moment_before(self.WORK, noon, 4), datetime(2026, 11, 23, 8))
        self.assertEqual(moment_before(self.WORK, noon, 0), noon)
        # in the night the last hour of work counts
        self.assertEqual(moment_before(self.WORK, datetime(2026, 11, 23, 3), 1), datetime(2026, 11, 20, 16))
        # more than is known: the beginning
        self.assertEqual(moment_before(self.WORK, noon, 99), datetime(2026, 11, 20, 8))
        self.assertEqual(moment_before((), noon, 8), noon)
