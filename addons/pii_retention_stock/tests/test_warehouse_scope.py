"""A warehouse sees the customers whose parcels it must ship, and nobody else."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.pii_retention.tests.common import VaultCase


@tagged("post_install", "-at_install")
class TestWarehouseScope(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.north = cls.env["stock.warehouse"].create({"name": "North", "code": "NRT", "company_id": cls.company.id})
        cls.south = cls.env["stock.warehouse"].create({"name": "South", "code": "STH", "company_id": cls.company.id})
        cls.packer = new_test_user(
            cls.env, "vault_packer", groups="stock.group_stock_user,pii_retention.group_fulfilment"
        )
        cls.grant = cls.env["pii.grant"].search([("user_id", "=", cls.packer.id)])
        cls.grant.warehouse_id = cls.north
        cls.approve_roles(cls.packer)
        cls.here = cls.deliver("402-1234567-0000101", cls.north)
        cls.there = cls.deliver("402-1234567-0000102", cls.south)

    @classmethod
    def deliver(cls, reference, warehouse):
        """Return the subject of a delivery that waits in ``warehouse``."""
        subject = cls.seal(reference)
        picking = cls.env["stock.picking"].create(
            {
                "picking_type_id": warehouse.out_type_id.id,
                "partner_id": subject._partner().id,
                "location_id": warehouse.lot_stock_id.id,
                "location_dest_id": cls.env.ref("stock.stock_location_customers").id,
            }
        )
        product = cls.env["product.product"].create({"name": "Widget", "is_storable": True})
        cls.env["stock.move"].create(
            {
                "product_id": product.id,
                "product_uom_qty": 1,
                "picking_id": picking.id,
                "location_id": picking.location_id.id,
                "location_dest_id": picking.location_dest_id.id,
            }
        )
        picking.action_confirm()
        return subject

    def picking_of(self, subject):
        return self.env["stock.picking"].search([("partner_id", "in", subject.partner_ids.ids)])

    def visible(self):
        return self.env["pii.subject"].with_user(self.packer).search([])

    def opens(self, subject):
        with self.acting(self.packer):
            try:
                with subject.with_user(self.packer).reveal("label"):
                    return True
            except AccessError:
                return False

    def test_only_the_own_warehouse(self):
        self.assertEqual(self.visible(), self.here)
        self.assertTrue(self.opens(self.here))
        self.assertFalse(self.opens(self.there))
        self.assertFalse(self.opens(self.subject), "an order without a delivery is no parcel")
        with self.assertRaises(AccessError):
            self.there.with_user(self.packer).check_access("read")

    def test_after_the_shipment_it_can_be_printed_again_for_two_days(self):
        picking = self.picking_of(self.here)
        picking.move_ids.write({"quantity": 1, "picked": True})
        picking.with_context(skip_backorder=True)._action_done()
        self.assertEqual(picking.state, "done")
        self.assertTrue(self.opens(self.here))
        picking.date_done = fields.Datetime.now() - timedelta(days=3)
        self.assertFalse(self.opens(self.here))
        self.assertFalse(self.visible())

    def test_a_cancelled_delivery_closes(self):
        self.picking_of(self.here).action_cancel()
        self.assertFalse(self.opens(self.here))

    def test_without_a_warehouse_all_deliveries_of_the_company(self):
        with self.acting(self.officer):
            self.grant.with_user(self.officer).action_revoke()
        self.env["pii.grant"].create(
            {
                "user_id": self.packer.id,
                "requested_by_id": self.env.ref("base.user_admin").id,
                "purpose": "label",
                "kind": "standing",
                "reason": "packs in both halls",
            }
        )
        self.approve_roles(self.packer)
        self.assertEqual(self.visible(), self.here | self.there)
        self.assertFalse(self.opens(self.subject))

    def test_the_warehouse_is_sealed_into_the_grant(self):
        self.env.flush_all()
        self.env.cr.execute("UPDATE pii_grant SET warehouse_id = %s WHERE id = %s", [self.south.id, self.grant.id])
        self.env.invalidate_all()
        self.assertFalse(self.opens(self.there))
