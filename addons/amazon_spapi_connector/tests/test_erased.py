from datetime import date

from odoo.tests import tagged

from odoo.addons.pii_retention import keys, tombstones

from ..models import spapi_account_search as searching
from ..models.spapi_order_sealing import ORIGIN
from .common import SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]


@tagged("post_install", "-at_install")
class TestErased(SpapiCase):
    """Amazon sends orders again long after their buyers were erased."""

    def bury(self, order_id):
        uuid = tombstones.subject_uuid(self.account.company_id._pii_domain(), ORIGIN, order_id)
        keys.keyring(self.env).subjects.append(uuid, date.today(), "deadline")

    def store(self, payload, parts=FULL):
        self.env["spapi.order"]._store_orders(self.account, [payload], parts)
        order = self.order(payload["orderId"])
        order._as_service()._map_orders()
        return order

    def assertOrderWithoutPerson(self, order):
        self.env.flush_all()
        self.assertEqual((order.state, order.problem), ("imported", False))
        self.assertEqual(order.sale_order_id.state, "sale")
        self.assertEqual(order.sale_order_id.partner_id.name, f"Amazon {order.amazon_order_id}")
        self.assertTrue(order.sale_order_id.picking_ids)
        self.assertTrue(order.person_erased)
        self.env.cr.execute(
            "SELECT state, operational_token, fiscal_token, name_index FROM pii_subject WHERE id = %s",
            [order.subject_id.id],
        )
        self.assertEqual(self.env.cr.fetchone(), ("erased", None, None, None))

    def test_an_erased_buyer_does_not_come_back(self):
        raw = self.one_raw_order(orderId="402-1111111-1111111")
        self.make_products()
        self.bury(raw["orderId"])
        order = self.store(raw)
        self.assertOrderWithoutPerson(order)
        # and nothing is left to do: the same page again changes nothing
        self.assertFalse(self.env["spapi.order"]._store_orders(self.account, [raw], FULL))

    def test_an_order_without_address_is_no_exception_when_its_buyer_was_erased(self):
        raw = self.one_raw_order(orderId="402-1111112-1111111")
        self.make_products()
        self.bury(raw["orderId"])
        address = raw["recipient"]["deliveryAddress"]
        bare = {key: address[key] for key in ("countryCode", "stateOrRegion") if key in address}
        order = self.store({**raw, "recipient": {"deliveryAddress": bare}, "buyer": {}})
        self.assertOrderWithoutPerson(order)
        self.assertFalse(order.has_address)

    def test_the_buyer_of_another_order_is_sealed(self):
        raw = self.one_raw_order(orderId="402-1111113-1111111")
        self.make_products()
        self.bury("402-0000000-0000000")
        order = self.store(raw)
        self.assertFalse(order.person_erased)
        self.assertTrue(order.subject_id.sudo().operational_token)
