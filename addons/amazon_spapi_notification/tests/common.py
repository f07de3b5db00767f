import json

import boto3
from moto.server import ThreadedMotoServer

from odoo.addons.amazon_spapi_connector.tests.common import SpapiCase

REGION, ACCESS_KEY, SECRET_KEY = "eu-west-1", "AKIATEST", "moto-secret-key"


class QueueCase(SpapiCase):
    """An account with a queue at moto's SQS, which the sandbox sends to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        cls.addClassCleanup(server.stop)
        host, port = server.get_host_and_port()
        cls.endpoint = f"http://{host}:{port}"
        cls.sqs = boto3.client(
            "sqs",
            region_name=REGION,
            endpoint_url=cls.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def setUp(self):
        super().setUp()
        name = f"orders-{self._testMethodName[-60:]}"
        # no message is hidden from whoever asks again: a test does not wait for half a minute
        self.queue_url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        self.addCleanup(self.sqs.delete_queue, QueueUrl=self.queue_url)
        self.account.write(
            {
                "sqs_queue_url": self.queue_url,
                "sqs_endpoint_url": self.endpoint,
                "sqs_region": REGION,
                "sqs_access_key": ACCESS_KEY,
            }
        )
        self.account.sqs_secret_key = SECRET_KEY
        self.account.sqs_listen_seconds = 0
        self.place()

    def place(self, automatic: bool = False) -> None:
        """Say where queues are; not `automatic`: messages come when a test says so."""
        place = {"endpoint_url": self.endpoint, "region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
        self.sandbox.control("PUT", "notifications", {**place, "automatic": automatic})

    def waiting(self) -> int:
        """Messages in the queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    def tell(self, *order_ids, **options) -> int:
        """Let Amazon tell orders as they are now."""
        return self.sandbox.control("POST", "notifications/publish", {"orders": list(order_ids), **options})["sent"]

    def send(self, body) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body if isinstance(body, str) else json.dumps(body))

    def listen(self) -> None:
        """What the scheduled action does."""
        with self.committing() as env:
            env["spapi.account"]._cron_read_notifications()
        self.env.invalidate_all()

    def rows(self, *states):
        domain = [("account_id", "=", self.account.id)] + ([("state", "in", states)] if states else [])
        return self.env["spapi.notification"].search(domain, order="id")
