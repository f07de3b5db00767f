import os
import shutil
import tempfile
from datetime import date

from odoo.tests import new_test_user

from odoo.addons.pii_retention import archive
from odoo.addons.pii_retention.keys import ENVIRONMENT
from odoo.addons.pii_retention.statutes import Dates

from .common import PERSON, VaultCase

CONTENT = b"%PDF-1.4 " + PERSON["name"].encode() + b" " + PERSON["street"].encode()
XML = b"<FatturaElettronica>" + PERSON["name"].encode() + b"</FatturaElettronica>"


class ArchiveCase(VaultCase):
    """An archive with a confirmed rule for Germany, an accountant and two officers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.clerk
        cls.second_officer = new_test_user(cls.env, "vault_officer_2", groups="pii_retention.group_privacy_officer")
        cls.auditor = new_test_user(cls.env, "vault_auditor", groups="pii_retention.group_auditor")
        cls.rule = cls.confirmed("DE")

    def setUp(self):
        super().setUp()
        # keys that a test destroys are dead for it alone
        shared = os.environ[ENVIRONMENT]
        folder = tempfile.TemporaryDirectory(prefix="pii-keys-")
        self.addCleanup(folder.cleanup)
        own = os.path.join(folder.name, "keys")
        shutil.copytree(shared, own)
        os.environ[ENVIRONMENT] = own
        self.addCleanup(self._restore_environment, shared)

    @classmethod
    def proposed(cls, code, company=None, **vals):
        default = cls.env["pii.archive.rule"].search([("code", "=", code), ("company_id", "=", False)])
        rules = default.with_user(cls.accountant)
        if company:
            rules = rules.with_company(company)
        rule = cls.env["pii.archive.rule"].browse(rules.action_propose()["res_id"])
        if vals:
            rule.with_user(cls.accountant).write(vals)
        return rule

    @classmethod
    def confirm(cls, rule, officer=None):
        officer = officer or cls.officer
        with cls.acting(officer):
            rule.with_user(officer).action_confirm()
        cls.env.flush_all()
        return rule

    @classmethod
    def confirmed(cls, code, company=None, **vals):
        return cls.confirm(cls.proposed(code, company, **vals))

    @classmethod
    def sealed(cls, content=CONTENT, subject=None, mimetype="application/pdf", name="INV.pdf"):
        """Return a file that is sealed for the subject as a fiscal document."""
        subject = subject or cls.subject
        return cls.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": mimetype,
                "res_model": "res.partner",
                "res_id": subject._partner().id,
            }
        )

    @classmethod
    def document(cls, day=None, **vals):
        day = day or date(2026, 3, 1)
        return archive.Document(
            **{
                "record": cls.partner,
                "company": cls.company,
                "code": "DE",
                "basis": "b2b",
                "number": "INV/2026/00007",
                "dates": Dates(day, day, date(day.year, 12, 31)),
                "amount": 119.5,
                "currency": cls.company.currency_id,
                "order_reference": "402-1234567-0000001",
                "subject": cls.subject,
                "reason": "",
            }
            | vals
        )

    @classmethod
    def keep(cls, **vals):
        content = vals.pop("content", CONTENT)
        return archive.keep(cls.sealed(content), cls.document(**vals))

    def ask(self, items, user=None, **vals):
        """Let ``user`` ask to read."""
        user = user or self.accountant
        return (
            self.env["pii.archive.request"]
            .with_user(user)
            .create(
                {
                    "company_id": self.company.id,
                    "item_ids": [(6, 0, items.ids)],
                    "authority": "Tax office, audit 2031/114",
                    "reason": "buyer of the invoice is examined",
                    "minutes": 60,
                }
                | vals
            )
        )

    def allow(self, request, officer=None):
        officer = officer or self.officer
        with self.acting(officer):
            request.with_user(officer).action_approve()
        return request

    def looked(self, item):
        """Return what the access log says about an item, read on a connection of its own."""
        return self.logged(item)
