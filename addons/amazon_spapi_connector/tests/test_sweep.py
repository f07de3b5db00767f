from datetime import timedelta

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from odoo.addons.pii_retention import sweeping

from .common import IT, SpapiCase


@tagged("post_install", "-at_install")
class TestSweep(SpapiCase):
    """Eighteen months after its end an order at Amazon is nobody's business any more."""

    def setUp(self):
        super().setUp()
        self.ids = self.sandbox.generate(3, marketplaces=[IT])
        self.make_products()
        self.run_import()
        self.orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        self.assertEqual(set(self.orders.mapped("state")), {"imported"})
        # a day that every month has: back from 30 June by months is no 31 December
        now = fields.Datetime.now()
        self.start = now if now.day <= 28 else now + relativedelta(months=1, day=1)
        for order in self.orders:
            self.sql("UPDATE spapi_order SET last_updated = %s, purchase_date = %s WHERE id = %s", self.start,
                     self.start - timedelta(days=2), order.id)  # fmt: skip
        self.months = relativedelta(months=self.company._pii_figure("nonpersonal_months"))

    def sql(self, query, *values):
        self.env.flush_all()
        self.env.cr.execute(query, values)
        self.env.invalidate_all()

    def sweep(self):
        with self.committing() as env:
            env["pii.sweep"]._cron_sweep()
        self.env.invalidate_all()

    def erase(self, subject):
        self.sql(
            """UPDATE pii_subject SET state = 'erased', operational_token = NULL, fiscal_token = NULL,
                      content_mac = NULL, name_index = NULL, email_index = NULL, phone_index = NULL WHERE id = %s""",
            subject.id,
        )

    def test_to_the_second(self):
        sales = self.orders.sale_order_id
        with freeze_time(self.start + self.months - timedelta(seconds=1)):
            self.sweep()
            self.assertEqual(len(self.orders.exists()), 3)
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertFalse(self.orders.exists())
        self.assertEqual(len(sales.exists()), 3)
        record = self.env["pii.sweep"].search([("code", "=", "amazon_orders")])
        self.assertEqual((record.count, record.oldest, record.newest), (3, self.start, self.start))
        self.assertEqual(record.months, 18)
        with freeze_time(self.start + self.months + timedelta(seconds=2)):
            self.sweep()
        self.assertEqual(record.count, 3)

    def test_an_order_lives_as_long_as_it_changes(self):
        self.sql("UPDATE spapi_order SET last_updated = %s WHERE id = %s", self.start + timedelta(days=3),
                 self.orders[0].id)  # fmt: skip
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertEqual(self.orders.exists(), self.orders[0])

    def test_the_number_goes_and_the_business_stays(self):
        order = self.orders[0]
        number, sale, subject = order.amazon_order_id, order.sale_order_id, order.subject_id
        partner = subject._partner()
        before = (sale.amount_total, sale.state, sale.picking_ids.ids, sale.order_line.mapped("price_unit"))
        self.assertEqual(sale.client_order_ref, number)
        self.erase(subject)
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertEqual(
            before, (sale.amount_total, sale.state, sale.picking_ids.ids, sale.order_line.mapped("price_unit"))
        )
        self.assertTrue(sale.client_order_ref.startswith("removed-"))
        self.assertEqual(subject.reference, sale.client_order_ref)
        self.assertEqual(partner.name, f"Amazon {subject.reference}")
        self.assertEqual(partner.complete_name, partner.name)
        self.assertNumberGone(number)

    def assertNumberGone(self, number):
        """Look through every text column of every table of the database."""
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT c.table_name, c.column_name FROM information_schema.columns c
                 JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
                  AND c.data_type IN ('character varying', 'text', 'jsonb')"""
        )
        columns = self.env.cr.fetchall()
        left = []
        for table, column in columns:
            self.env.cr.execute(
                f"""SELECT count(*) FROM "{table}" WHERE "{column}"::text LIKE %s""",  # noqa: S608 names of the catalogue
                [f"%{number}%"],
            )
            if count := self.env.cr.fetchone()[0]:
                left.append((table, column, count))
        self.assertEqual(left, [])
        print(f"\nFIGURE sweep_columns_without_the_number {len(columns)} columns")

    def test_a_posted_invoice_keeps_it_and_the_record_says_which(self):
        order = self.orders[0]
        number, sale, subject = order.amazon_order_id, order.sale_order_id, order.subject_id
        sale.order_line.qty_delivered = 1
        invoice = sale._create_invoices()
        invoice.action_post()
        self.erase(subject)
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertFalse(order.exists())
        self.assertEqual(sale.client_order_ref, number)
        self.assertEqual(subject.reference, number)
        record = self.env["pii.sweep"].search([("code", "=", "amazon_orders")])
        self.assertEqual(record.kept_count, 1)
        self.assertIn(invoice.name, record.kept_text)
        self.assertNotIn(number, record.kept_text)

    def test_a_person_who_is_still_held_keeps_the_reference(self):
        subject = self.orders[0].subject_id
        reference = subject.reference
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertEqual(subject.reference, reference)

    def test_what_was_deleted_does_not_come_back(self):
        with freeze_time(self.start + self.months + timedelta(days=1)):
            self.sweep()
            raw = [self.sandbox.orders()[order_id] for order_id in self.ids]
            self.env["spapi.order"]._store_orders(self.account, raw, ("PROCEEDS",))
        self.assertFalse(self.env["spapi.order"].search([("account_id", "=", self.account.id)]))

    def test_listings_and_progress(self):
        Listing = self.env["spapi.listing"]
        product = self.env["product.product"].search([], limit=1)
        empty = Listing.create({"account_id": self.account.id, "sku": "NOBODY-KNOWS"})
        mapped = Listing.create({"account_id": self.account.id, "sku": "KNOWN", "product_id": product.id})
        self.sql("UPDATE spapi_listing SET write_date = %s", self.start)
        self.sql("UPDATE spapi_cursor SET write_date = %s", self.start)
        cursors = self.account.cursor_ids
        self.assertTrue(cursors)
        with freeze_time(self.start + self.months - timedelta(seconds=1)):
            self.sweep()
            self.assertTrue(empty.exists() and cursors.exists())
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertFalse(empty.exists() or cursors.exists())
        self.assertTrue(mapped.exists())

    def test_comparisons_and_lists_of_numbers(self):
        """They name Amazon's orders, and go with them."""
        values = {"account_id": self.account.id, "date_from": self.start}
        compared = self.env["spapi.reconciliation"].create(values)
        line = {"reconciliation_id": compared.id, "amazon_order_id": "406-1234567-1234567", "kind": "missing"}
        line = self.env["spapi.reconciliation.line"].create(line)
        recovered = self.env["spapi.recovery"]._for_ids(self.account, ["406-1234567-1234567"])
        self.sql("UPDATE spapi_reconciliation SET write_date = %s", self.start)
        self.sql("UPDATE spapi_recovery SET write_date = %s", self.start)
        with freeze_time(self.start + self.months - timedelta(seconds=1)):
            self.sweep()
            self.assertTrue(line.exists() and recovered.line_ids.exists())
        numbers = recovered.line_ids
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            self.sweep()
        self.assertFalse(compared.exists() or line.exists() or recovered.exists() or numbers.exists())

    def test_batches_go_on_where_they_stopped(self):
        with freeze_time(self.start + self.months + timedelta(seconds=1)):
            env = self.env(su=True)
            seen = []
            before = sweeping.BATCH
            self.addCleanup(setattr, sweeping, "BATCH", before)
            sweeping.BATCH = 2
            self.assertFalse(sweeping.run(env, lambda count: seen.append(count)))
            self.assertEqual(seen, [2])
            self.assertEqual(len(self.orders.exists()), 1)
            self.assertTrue(sweeping.run(env, lambda count: True))
        self.assertFalse(self.orders.exists())
        self.assertEqual(self.env["pii.sweep"].search([("code", "=", "amazon_orders")]).count, 3)
