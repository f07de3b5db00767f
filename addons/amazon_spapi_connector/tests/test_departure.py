"""Which country goods left from, as orders and warehouses know it: it decides whether a law wants the buyer named."""

from copy import deepcopy
from datetime import timedelta

from odoo.tests import tagged

from ..models import spapi_account_search as searching
from .common import DE, SpapiCase

PARTS = searching.SEARCHES["unshipped"]["parts"]


@tagged("post_install", "-at_install")
class TestDeparture(SpapiCase):
    """A consumer in Germany; the company is registered there and taxes its sales there."""

    def setUp(self):
        super().setUp()
        (self.order_id,) = self.sandbox.generate(1, marketplaces=[DE], seed=11)
        self.raw = deepcopy(self.sandbox.orders()[self.order_id])
        self.make_products()
        self.germany, self.france = self.env.ref("base.de"), self.env.ref("base.fr")
        self.company.account_fiscal_country_id = self.germany
        self.run_import()
        self.spapi_order = self.order(self.order_id)
        self.sale = self.spapi_order.sale_order_id
        self.assertEqual(self.sale.state, "sale", self.spapi_order.problem)
        self.assertEqual(self.sale.partner_id.country_id, self.germany)
        self.spapi_order.subject_id.sudo().has_vat = False
        self.sale.fiscal_position_id = False

    def stocked_in(self, country):
        address = self.env["res.partner"].create({"name": "Hall", "country_id": country.id})
        self.sale.warehouse_id.partner_id = address

    def invoice(self):
        self.sale.order_line.qty_delivered = 1
        move = self.sale._create_invoices()
        move.action_post()
        return move

    def shipped_from(self, *codes):
        """Let Amazon name the places that the parcels left from."""
        packages = [
            {"packageReferenceId": str(number), "shipFromAddress": {"name": "Hall", "countryCode": code}}
            for number, code in enumerate(codes, 1)
        ]
        later = self.spapi_order.last_updated + timedelta(hours=1)
        raw = {**self.raw, "packages": packages, "lastUpdatedTime": f"{later:%Y-%m-%dT%H:%M:%SZ}"}
        self.env["spapi.order"].sudo()._store_orders(self.account, [raw], PARTS)
        self.assertEqual(len((self.spapi_order.business_json or {}).get("packages") or []), len(codes))

    def test_from_the_warehouse_of_the_order(self):
        self.stocked_in(self.france)
        move = self.invoice()
        self.assertEqual(move._pii_departure_country(), self.france)
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("b", "distance_sale"))

    def test_from_the_country_of_the_buyer(self):
        self.stocked_in(self.germany)
        move = self.invoice()
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("a", False))

    def test_amazons_word_counts_more_than_the_warehouse(self):
        self.stocked_in(self.germany)
        self.shipped_from("FR")
        self.assertEqual(self.invoice().pii_document_basis, "distance_sale")

    def test_parcels_from_two_countries_are_decided_by_the_warehouse(self):
        self.stocked_in(self.germany)
        self.shipped_from("FR", "IT")
        move = self.invoice()
        self.assertEqual(move._pii_departure_country(), self.germany)

    def test_what_amazon_ships_leaves_from_nowhere_that_is_known(self):
        """Not from the company's own country: that would keep the name of a consumer without a law."""
        self.company.country_id = self.france
        self.stocked_in(self.france)
        self.spapi_order.sudo().fulfilled_by = "AMAZON"
        move = self.invoice()
        self.assertFalse(move._pii_departure_country())
        self.assertEqual((move.pii_document_class, move.pii_document_basis), ("a", False))

    def test_in_the_union_scheme_there_is_no_distance_sale_outside_of_it(self):
        self.stocked_in(self.france)
        tag = self.env.ref("l10n_eu_oss.tag_oss", raise_if_not_found=False) or self._oss_tag()
        tax = self.env["account.tax"].create(
            {
                "name": "19% DE OSS",
                "amount": 19,
                "country_id": self.germany.id,
                "invoice_repartition_line_ids": [
                    (0, 0, {"repartition_type": "base", "tag_ids": [(6, 0, tag.ids)]}),
                    (0, 0, {"repartition_type": "tax"}),
                ],
                "refund_repartition_line_ids": [
                    (0, 0, {"repartition_type": "base"}),
                    (0, 0, {"repartition_type": "tax"}),
                ],
            }
        )
        self.sale.order_line.tax_ids = tax
        move = self.invoice()
        self.assertEqual((move.pii_document_code, move.pii_document_class), ("OSS", "a"))

    def _oss_tag(self):
        """Return a tag under the name that Odoo's addon for the Union scheme gives it, where that is not installed."""
        tag = self.env["account.account.tag"].create({"name": "OSS", "applicability": "taxes"})
        self.env["ir.model.data"].create(
            {"module": "l10n_eu_oss", "name": "tag_oss", "model": tag._name, "res_id": tag.id}
        )
        return tag
