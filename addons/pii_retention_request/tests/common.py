"""Requests in tests: two officers, a handful of customers, and the work carried out as its schedule does it."""

import io
import tarfile
from datetime import date, timedelta

from odoo.tests import new_test_user

from odoo.addons.pii_retention.tests.common import VaultCase


class RequestCase(VaultCase):
    tests_begun = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = new_test_user(cls.env, "vault_second", groups="pii_retention.group_privacy_officer")
        if not hasattr(cls, "auditor"):
            cls.auditor = new_test_user(cls.env, "vault_auditor", groups="pii_retention.group_auditor")
        cls.person = cls.officer
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        # keys that a test destroys, and people whom it buries, stay so for the next one: each has its own
        RequestCase.tests_begun += 1
        start = date.today() - timedelta(days=self.tests_begun % 20)
        *subjects, self.bystander = (
            self.seal(f"402-{self.tests_begun:07d}-000000{number}", start=start) for number in (1, 2, 3, 9)
        )
        self.subjects = self.env["pii.subject"].union(*subjects)
        self.subject = self.subjects[:1]
        self.env.flush_all()

    def register(self, **vals):
        """Register a request as the officer; about the three customers unless another scope is given."""
        scope = {"origin", "references", "subject_ids", "account_refs", "date_from", "date_to"}
        if not scope & vals.keys() and vals.get("kind") != "merchant_leaves":
            vals["references"] = "\n".join(self.subjects.mapped("reference"))
        return (
            self.env["pii.request"]
            .with_user(self.officer)
            .create({"kind": "amazon_deletion", "requester": "Amazon EU", **vals})
        )

    def decide(self, request, officer=None):
        officer = officer or self.second
        with self.acting(officer):
            request.with_user(officer).action_approve()
        self.env.flush_all()

    def run_cron(self, name="run"):
        """Let the schedule do its work; the commits of it stay within the test."""
        with self.acting(None):
            requests = self.env["pii.request"].sudo()
            requests._cron_run() if name == "run" else requests._cron_clock()
        self.env.flush_all()
        self.env.invalidate_all()

    def carried_out(self, **vals):
        """Return a request that was registered, previewed, approved by the second officer and carried out."""
        request = self.register(**vals)
        request.action_preview()
        self.decide(request)
        self.run_cron()
        return request

    def outcomes(self, request):
        return {item.reference: item.outcome for item in request.item_ids}

    def assertNothingHeld(self, subjects):
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT count(*) FROM pii_subject
                WHERE id = ANY(%s) AND (state <> 'erased' OR operational_token IS NOT NULL
                   OR fiscal_token IS NOT NULL OR name_index IS NOT NULL OR email_index IS NOT NULL)""",
            [subjects.ids],
        )
        self.assertEqual(self.env.cr.fetchone()[0], 0)

    def assertRequestImpersonal(self, request):
        """No row that a request has made names anybody."""
        self.env.flush_all()
        rows = {
            "pii_request": [("id", request.ids)],
            "pii_request_item": [("request_id", request.ids)],
            "mail_message": [("model", ["pii.request"]), ("res_id", request.ids)],
            "mail_activity": [("res_model", ["pii.request"]), ("res_id", request.ids)],
        }
        for table, conditions in rows.items():
            where = " AND ".join(f"{column} = ANY(%s)" for column, _ids in conditions)
            self.env.cr.execute(  # pylint: disable=sql-injection
                f"SELECT coalesce(json_agg(t), '[]')::text FROM {table} t WHERE {where}",
                [ids for _c, ids in conditions],
            )
            self.assertNoCanary(self.env.cr.fetchone()[0], table)


def unpacked(archive):
    """Return ``{path: bytes}`` of a tar."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}
