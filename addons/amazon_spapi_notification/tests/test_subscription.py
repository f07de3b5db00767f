from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .common import SECRET_KEY, QueueCase


@tagged("post_install", "-at_install")
class TestSubscription(QueueCase):
    def known(self):
        return self.sandbox.control("GET", "notifications")

    def test_subscribing_twice_makes_one(self):
        self.press("action_subscribe")
        (subscription,) = self.known()["subscriptions"]
        self.assertEqual(subscription["subscriptionId"], self.account.sqs_subscription_id)
        self.assertEqual(subscription["seller"], self.account.seller_id)
        self.account.sqs_subscription_id = False
        self.press("action_subscribe")
        self.assertEqual(len(self.known()["destinations"]), 1)
        self.assertEqual(len(self.known()["subscriptions"]), 1)
        self.press("action_unsubscribe")
        self.assertFalse(self.account.sqs_subscription_id)
        self.assertFalse(self.known()["subscriptions"])
        self.account.sqs_subscription_id = "gone"
        self.press("action_unsubscribe")
        self.assertFalse(self.account.sqs_subscription_id, "a subscription that Amazon does not know is gone")

    def test_another_queue_replaces_the_subscription(self):
        self.press("action_subscribe")
        first = self.account.sqs_subscription_id
        other = self.sqs.create_queue(QueueName="other")["QueueUrl"]
        self.addCleanup(self.sqs.delete_queue, QueueUrl=other)
        self.account.sqs_queue_url = other
        self.account.sqs_secret_key = SECRET_KEY
        self.press("action_subscribe")
        (subscription,) = self.known()["subscriptions"]
        self.assertNotEqual(subscription["subscriptionId"], first)

    def test_what_is_wrong_is_said(self):
        self.account.sqs_queue_url = self.queue_url + "-not-there"
        self.account.sqs_secret_key = SECRET_KEY
        error = self.press("action_subscribe")
        self.assertIsInstance(error, UserError)
        self.assertIn("Check address", str(error))
        self.account.sqs_access_key = False
        self.assertIn("not set up", str(self.press("action_subscribe")))
        with self.assertRaises(ValidationError):
            self.account.sqs_queue_url = "http://sqs.example.com/q"

    def test_the_secret_key_is_never_given_back(self):
        account = self.account
        self.env.flush_all()
        self.assertFalse(account.sqs_secret_key)
        self.assertTrue(account.has_sqs_secret_key)
        self.env.cr.execute("SELECT to_jsonb(a)::text FROM spapi_account a WHERE id = %s", [account.id])
        self.assertNotIn(SECRET_KEY, self.env.cr.fetchone()[0])
        manager = new_test_user(self.env, "manager", groups="amazon_spapi_connector.group_manager")
        self.assertFalse(account.with_user(manager).read(["sqs_secret_key"])[0]["sqs_secret_key"])
        with self.assertRaises(AccessError):
            account.with_user(manager).read(["sqs_secret_key_sealed"])
        user = new_test_user(self.env, "reader", groups="amazon_spapi_connector.group_user")
        for name in ("sqs_secret_key", "sqs_access_key", "sqs_queue_url"):
            with self.assertRaises(AccessError):
                account.with_user(user).read([name])

    def test_another_address_forgets_the_secret_key(self):
        self.account.sqs_endpoint_url = "https://elsewhere.example.com"
        self.assertFalse(self.account.has_sqs_secret_key)
