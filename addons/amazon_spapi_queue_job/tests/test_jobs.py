from odoo import fields
from odoo.tests import tagged

from odoo.addons.amazon_spapi_connector.tests.common import SpapiCase
from odoo.addons.queue_job.job import Job

from ..models import spapi_account


@tagged("post_install", "-at_install")
class TestJobs(SpapiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["queue.job"].search([]).unlink()

    def jobs(self, state="pending"):
        return self.env["queue.job"].search([("model_name", "=", "spapi.account"), ("state", "=", state)])

    def perform(self):
        """Do the waiting job as a worker does; returns what it left to do."""
        waiting = self.jobs()
        waiting.ensure_one()
        with self.committing() as env:
            job = Job.load(env, waiting.uuid)
            job.set_started()
            job.store()
            job.perform()
            job.set_done()
            job.store()
        self.env.invalidate_all()
        return self.jobs()

    def test_the_scheduled_action_makes_one_job_per_account(self):
        self._new_account(name="Off", seller_id="A2", runs_as_job=False)
        draft = self._new_account(name="Draft", seller_id="A3", state="draft")
        for _twice in range(2):
            self.run_import()
        job = self.jobs()
        self.assertEqual(len(job), 1)
        self.assertEqual(job.channel, f"root.amazon.account_{self.account.id}")
        self.assertEqual((job.records.ids, job.args, job.kwargs), (self.account.ids, [True], {}))
        self.assertEqual(job.user_id, self.env.ref("amazon_spapi_connector.user_service"))
        self.assertNotIn(draft, job.records)

    def test_an_account_that_is_no_job_is_imported_at_once(self):
        ids = self.sandbox.generate(3)
        self.make_products()
        self.account.runs_as_job = False
        self.run_import()
        self.assertFalse(self.jobs())
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})

    def test_the_job_does_what_the_scheduled_action_does(self):
        ids = self.sandbox.generate(5)
        self.make_products()
        self.run_import()
        self.assertFalse(self.order(ids[0]), "the scheduled action imported by itself")
        self.assertFalse(self.perform())
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})
        before = self.snapshot()
        self.run_import()
        self.assertFalse(self.perform(), "a job that runs twice")
        self.assertEqual(self.snapshot(), before)

    def test_amazon_says_when_the_job_comes_back(self):
        ids = self.sandbox.generate(2)
        self.make_products()
        self.run_import()
        self.sandbox.fault("throttle_body")
        later = self.perform()
        self.assertEqual(later.eta, self.account.retry_at)
        self.assertGreater(later.eta, fields.Datetime.now())
        self.run_import()
        self.assertEqual(self.jobs(), later, "the scheduled action overtakes what waits for Amazon")
        self.account.retry_at = False
        self.assertFalse(self.perform())
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})

    def test_what_a_person_does_waits_for_no_quota(self):
        """A job that waits for Amazon makes sale orders of what is stored as soon as somebody has mended it."""
        (name,) = self.sandbox.generate(1)
        self.run_import()
        self.assertFalse(self.perform())
        self.assertEqual(self.order(name).state, "waiting")
        self.account.retry_at = fields.Datetime.add(fields.Datetime.now(), hours=1)
        self.account._enqueue_import(at=self.account.retry_at)
        self.sandbox.control("DELETE", "journal")
        self.make_products()
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders()
        self.env.invalidate_all()
        self.assertFalse(self.jobs().eta)
        later = self.perform()
        self.assertEqual(self.order(name).state, "imported")
        self.assertEqual(later.eta, self.account.retry_at)
        self.assertFalse(self.sandbox.counts().get("searchOrders"), "Amazon was asked before its time")
        self.press("action_sync_now")
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders()
        self.env.invalidate_all()
        self.assertFalse(self.perform())
        self.assertTrue(self.sandbox.counts().get("searchOrders"))

    def test_a_job_makes_room_when_its_time_is_up(self):
        ids = self.sandbox.generate(4)
        self.make_products()
        self.run_import()
        self.patch(spapi_account, "LONGEST_RUN", -1)
        rest = self.perform()
        self.assertEqual((len(rest), rest.eta), (1, False))
        self.patch(spapi_account, "LONGEST_RUN", 60)
        self.assertFalse(self.perform())
        self.assertEqual({self.order(name).state for name in ids}, {"imported"})

    def test_a_job_of_an_account_that_left_ends(self):
        self.sandbox.generate(1)
        self.run_import()
        self.account.state = "revoked"
        self.sandbox.control("DELETE", "journal")
        self.assertFalse(self.perform())
        self.account.state = "connected"
        self.run_import()
        self.account.unlink()
        self.assertFalse(self.perform())
        self.assertFalse(self.sandbox.counts().get("searchOrders"))
