import os
import tempfile
from contextlib import contextmanager
from datetime import date
from unittest.mock import patch
from uuid import uuid4

from odoo import SUPERUSER_ID, api
from odoo.http import request
from odoo.tests import TransactionCase, new_test_user

from odoo.addons.pii_retention import channel, gate, proof, tombstones, transactions
from odoo.addons.pii_retention.keys import ENVIRONMENT

real_caller, real_facts, real_uuid = channel.caller, gate._facts, tombstones.subject_uuid

#: A planted person: no value of it occurs anywhere by accident.
PERSON = {
    "name": "Zyxwanna Quorvelli",
    "company_name": "Vrontheim Kwastlers KG",
    "street": "Uxbolstrasse 4711b",
    "street2": "Hinterhaus Jqwertz",
    "zip": "QX98-ZW1",
    "city": "Kwylburgh-Nord",
    "phone": "+49 30 99887766",
    "email": "qzx81hh2@marketplace.example.com",
}
OPERATIONAL = {**PERSON, "gift_text": "Alles Gute, liebe Brunhyldewitha", "delivery_note": "Beim Nachbarn Oxwigge"}
FISCAL = {key: PERSON[key] for key in ("name", "company_name", "street", "street2", "zip", "city")} | {
    "vat": "DE811907980X",
    "po_number": "PO-XQ-7781-ZZ",
}
CANARIES = sorted({*OPERATIONAL.values(), *FISCAL.values()})


class VaultCase(TransactionCase):
    """A subject with planted data, users of each role, and a key store of its own."""

    #: Whether personal data is taken in only while a proof of absence stands. Tests that move time by days for
    #: something else would have to prove each day; those of the intake itself say so here.
    needs_proof = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="pii-keys-")
        cls.addClassCleanup(folder.cleanup)
        before = os.environ.get(ENVIRONMENT)
        os.environ[ENVIRONMENT] = os.path.join(folder.name, "keys")
        cls.addClassCleanup(cls._restore_environment, before)
        cls.company = cls.env.company
        cls.germany = cls.env.ref("base.de")
        cls.clerk = new_test_user(
            cls.env, "vault_clerk", groups="pii_retention.group_fulfilment,pii_retention.group_fiscal"
        )
        cls.nobody = new_test_user(cls.env, "vault_nobody", groups="base.group_user,base.group_partner_manager")
        cls.officer = new_test_user(cls.env, "vault_officer", groups="pii_retention.group_privacy_officer")
        cls.person = cls.clerk
        cls.startClassPatcher(patch.object(channel, "caller", cls._caller))
        # the log keeps rows about the same company and reference that other test classes have committed
        salt = uuid4().hex
        cls.startClassPatcher(
            patch.object(tombstones, "subject_uuid", lambda domain, origin, ref: real_uuid(domain, origin + salt, ref))
        )
        # the second factor has tests of its own
        cls.relax(mfa_required=False)
        cls.startClassPatcher(patch.object(gate, "_facts", cls._facts))
        if not cls.needs_proof:
            cls.startClassPatcher(patch.object(proof, "intake_refusal", lambda env, company: False))
        # nothing of a test is committed: what commits between its steps works in the test's own transaction
        cls.startClassPatcher(patch.object(transactions, "commit", cls._commit))
        cls.startClassPatcher(patch.object(transactions, "rollback", cls._rollback))
        cls.approve_roles(cls.clerk)
        # a role assignment for labels covers orders with a delivery only, where inventory is installed
        cls.grant(cls.clerk, "label")
        cls.subject = cls.seal("402-1234567-0000001")
        cls.partner = cls.subject._partner()

    # === PERSONS === #

    @classmethod
    def _caller(cls):
        """Stand in for the browser that a test without a server does not have; a real request is left alone."""
        if request or cls.person is None:
            return real_caller()
        return channel.Caller(channel.WEB, cls.person.id, "0123456789abcdef", "192.0.2.7")

    @classmethod
    def _facts(cls, env, cr):
        """Nothing of a test is committed: its users and grants are seen on its own connection only."""
        if request:
            return real_facts(env, cr)
        env.flush_all()
        return api.Environment(cls.cr, SUPERUSER_ID, {})

    @classmethod
    def _commit(cls, env, processed=0, remaining=None):
        env.flush_all()
        return float("inf")

    @classmethod
    def _rollback(cls, env):
        env.invalidate_all()

    @classmethod
    @contextmanager
    def acting(cls, user):
        """Put ``user`` before the browser for the block; None for scheduled work."""
        before, cls.person = cls.person, user
        try:
            yield
        finally:
            cls.person = before

    @classmethod
    def relax(cls, company=None, **figures):
        """Put figures in force as two officers do: one asks, the other approves; stricter ones count at once."""
        company = company or cls.company
        deputy = cls.env["res.users"].with_context(active_test=False).search([("login", "=", "vault_deputy")])
        deputy = deputy or new_test_user(cls.env, "vault_deputy", groups="pii_retention.group_privacy_officer")
        deputy.active = True
        deputy.company_ids |= company
        cls.officer.company_ids |= company
        for name, value in figures.items():
            if company._pii_figure(name) == value:
                continue
            with cls.acting(deputy):
                policy = company._pii_policy().with_user(deputy).with_company(company)
                change = policy._ask(name, value, "a test of the vault")
            if change.state == "requested":
                with cls.acting(cls.officer):
                    change.with_user(cls.officer).with_company(company).action_approve()
        # so that only one officer is there to be told of anything
        deputy.active = False

    @classmethod
    def approve_roles(cls, user):
        """Let the officer approve the role assignments that giving ``user`` his groups has requested."""
        requests = cls.env["pii.grant"].search([("user_id", "=", user.id), ("state", "=", "requested")])
        return cls.approve(requests)

    @classmethod
    def grant(cls, user, *purposes):
        """Give ``user`` an approved single grant for each purpose, for all customers of the company."""
        return cls.approve(
            cls.env["pii.grant"].create(
                [
                    {
                        "user_id": user.id,
                        "requested_by_id": cls.env.ref("base.user_admin").id,
                        "purpose": purpose,
                        "kind": "temporary",
                        "reason": "a test of the vault",
                    }
                    for purpose in purposes
                ]
            )
        )

    @classmethod
    def approve(cls, requests):
        """Let the officer approve ``requests``."""
        with cls.acting(cls.officer):
            requests.with_user(cls.officer).action_approve()
        cls.env.flush_all()
        return requests

    @staticmethod
    def _restore_environment(before):
        if before is None:
            os.environ.pop(ENVIRONMENT, None)
        else:
            os.environ[ENVIRONMENT] = before

    @classmethod
    def seal(cls, reference, values=None, **vals):
        return cls.env["pii.subject"]._seal_many(
            [
                {
                    "company_id": cls.company.id,
                    "origin": "shop",
                    "reference": reference,
                    "country_id": cls.germany.id,
                    "start": date.today(),
                    "values": values or {"operational": dict(OPERATIONAL), "fiscal": dict(FISCAL)},
                    **vals,
                }
            ]
        )

    def logged(self, subject=None):
        """Return the outcomes logged for the subject, read on a connection of its own."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT outcome, purpose, user_ref FROM pii_access_log WHERE subject_uuid = %s ORDER BY id",
                [(subject or self.subject).uuid],
            )
            return cr.fetchall()

    def assertNoCanary(self, text, where=""):
        found = [canary for canary in CANARIES if canary.casefold() in str(text).casefold()]
        self.assertFalse(found, f"plaintext in {where}")
