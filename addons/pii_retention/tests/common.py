import os
import tempfile
from datetime import date

from odoo.tests import TransactionCase, new_test_user

from odoo.addons.pii_retention.keys import ENVIRONMENT

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
        cls.subject = cls.seal("402-1234567-0000001")
        cls.partner = cls.subject._partner()

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
