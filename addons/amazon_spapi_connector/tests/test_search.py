"""Orders are found by Amazon's number, by SKU and by tracking number from the ordinary search bars."""

from lxml import etree

from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import IT, SpapiCase

VIEWS = {
    "spapi.order": "amazon_spapi_connector.spapi_order_view_search",
    "sale.order": "sale.view_sales_order_filter",
    "stock.picking": "stock.view_picking_internal_search",
}


@tagged("post_install", "-at_install")
class TestSearchBars(SpapiCase):
    def search_bar(self, user, model, label, text):
        """Return what the search bar of ``model`` finds when ``user`` picks ``label`` for ``text``."""
        Model = self.env[model].with_user(user)
        arch = etree.fromstring(Model.get_view(self.env.ref(VIEWS[model]).id, "search")["arch"])
        words = Model.fields_get(attributes=["string"])
        for node in arch.iter("field"):
            name = node.get("name")
            if (node.get("string") or words[name]["string"]) == label:
                domain = node.get("filter_domain")
                return Model.search(safe_eval(domain, {"self": text}) if domain else [(name, "ilike", text)])
        self.fail(f"{user.login} has no “{label}” in the search bar of {model}")

    def test_by_order_number_sku_and_tracking_number(self):
        seller = new_test_user(self.env, "search_seller", groups="sales_team.group_sale_salesman_all_leads")
        packer = new_test_user(
            self.env, "search_packer", groups="stock.group_stock_user,amazon_spapi_connector.group_user"
        )
        order_id, other_id = self.sandbox.generate(2, marketplaces=[IT])
        self.make_products()
        self.run_import()
        order, other = self.order(order_id), self.order(other_id)
        self.assertEqual((order.state, other.state), ("imported", "imported"))
        order.line_ids[0].sku = "SKU-QX-4711"
        sale, picking = order.sale_order_id, order.sale_order_id.picking_ids
        picking.carrier_tracking_ref = "1Z-QX-99887766"
        self.env.flush_all()
        probes = [
            (packer, "spapi.order", "Amazon Order", order_id, order),
            (packer, "spapi.order", "SKU", "sku-qx-4711", order),
            (packer, "spapi.order", "Tracking Number", "1z-qx-99887766", order),
            (seller, "spapi.order", "Tracking Number", "1z-qx-99887766", order),
            (seller, "sale.order", "Order", order_id, sale),
            (seller, "sale.order", "Amazon Order", order_id, sale),
            (seller, "sale.order", "Amazon SKU", "sku-qx-4711", sale),
            (seller, "sale.order", "Tracking Number", "1Z-QX-9988", sale),
            (packer, "stock.picking", "Tracking Number", "1z-qx-99887766", picking),
            (packer, "stock.picking", "Amazon Order", order_id, picking),
            (packer, "stock.picking", "Amazon SKU", "SKU-QX-4711", picking),
        ]
        for user, model, label, text, expected in probes:
            with self.subTest(user=user.login, model=model, label=label):
                self.assertEqual(self.search_bar(user, model, label, text).ids, expected.ids)
                self.assertFalse(self.search_bar(user, model, label, f"{text}-none"))

    def test_a_packer_without_amazon_keeps_his_search_bar(self):
        plain = new_test_user(self.env, "search_plain", groups="stock.group_stock_user")
        self.assertFalse(self.search_bar(plain, "stock.picking", "Amazon Order", "402-0000000-0000000"))
        with self.assertRaises(AssertionError):
            self.search_bar(plain, "stock.picking", "Amazon SKU", "x")
