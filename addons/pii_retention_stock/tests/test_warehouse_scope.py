"""A warehouse sees the customers whose parcels it must ship, and nobody else."""

from datetime import timedelta

from odoo import Command, fields
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
        """Return the subject of an order that waits in ``warehouse``; with sales, of a confirmed sale order."""
        subject = cls.seal(reference)
        cls.order(subject._partner(), warehouse)
        return subject

    @classmethod
    def order(cls, partner, warehouse, user=None, quantity=1):
        env = cls.env(user=user.id) if user else cls.env
        product = cls.env["product.product"].create({"name": "Widget", "is_storable": True})
        if "sale.order" in cls.env:
            line = {"product_id": product.id, "product_uom_qty": quantity}
            order = cls.env["sale.order"].create(
                {"partner_id": partner.id, "warehouse_id": warehouse.id, "order_line": [Command.create(line)]}
            )
            order.action_confirm()
            return order.picking_ids
        return cls.by_hand(env, partner, warehouse, product, quantity)

    @classmethod
    def by_hand(cls, env, partner, warehouse, product=None, quantity=1, **vals):
        product = product or cls.env["product.product"].create({"name": "Widget", "is_storable": True})
        places = {
            "location_id": warehouse.lot_stock_id.id,
            "location_dest_id": cls.env.ref("stock.stock_location_customers").id,
        }
        picking = env["stock.picking"].create(
            {"picking_type_id": warehouse.out_type_id.id, "partner_id": partner.id, **places}
        )
        env["stock.move"].create(
            {"product_id": product.id, "product_uom_qty": quantity, "picking_id": picking.id, **places, **vals}
        )
        picking.action_confirm()
        return picking

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

    # === DELIVERIES MADE UP === #

    def test_a_delivery_made_by_hand_opens_nothing(self):
        mine = self.env(user=self.packer.id)
        self.by_hand(mine, self.subject._partner(), self.north)
        self.assertFalse(self.opens(self.subject), "the packer made it himself")
        self.assertNotIn(self.subject, self.visible())
        self.by_hand(mine, self.there._partner(), self.north)
        self.assertFalse(self.opens(self.there), "what another warehouse ships")

    def test_nor_does_one_that_names_an_order(self):
        if "sale.order" not in self.env:
            self.skipTest("sales are not installed")
        mine = self.env(user=self.packer.id)
        line = self.picking_of(self.there).move_ids.sale_line_id
        self.by_hand(mine, self.there._partner(), self.north, sale_line_id=line.id)
        self.assertFalse(self.opens(self.there))
        foreign = self.by_hand(self.env, self.subject._partner(), self.north)
        self.assertNotEqual(foreign.create_uid, self.packer)
        self.assertFalse(self.opens(self.subject), "there is no confirmed order of this customer")

    def test_a_delivery_is_not_turned_to_another_customer(self):
        picking = self.picking_of(self.here).with_user(self.packer)
        with self.assertRaises(AccessError):
            picking.partner_id = self.there._partner().id
        self.assertFalse(self.opens(self.there))
        picking.partner_id = self.here._partner().id
        if "sale.order" in self.env:
            with self.assertRaises(AccessError):
                picking.sale_id.partner_shipping_id = self.there._partner().id

    def test_a_backorder_of_his_own_making_is_still_to_be_shipped(self):
        if "sale.order" not in self.env:
            self.skipTest("sales are not installed")
        subject = self.seal("402-1234567-0000103")
        picking = self.order(subject._partner(), self.north, quantity=3)
        picking = picking.with_user(self.packer)
        picking.move_ids.write({"quantity": 1, "picked": True})
        picking.with_context(skip_backorder=True).button_validate()
        rest = self.picking_of(subject) - picking.sudo()
        self.assertEqual((rest.backorder_id, rest.create_uid), (picking.sudo(), self.packer))
        picking.sudo().date_done = fields.Datetime.now() - timedelta(days=3)
        self.assertTrue(self.opens(subject))
