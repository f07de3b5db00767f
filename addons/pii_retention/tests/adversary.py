import base64
import os

from .common import PERSON, VaultCase

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class AdversaryCase(VaultCase):
    def at_rest(self, table, record_id):
        self.env.flush_all()
        self.env.cr.execute(f"SELECT to_jsonb(t) FROM {table} t WHERE id = %s", [record_id])  # pylint: disable=sql-injection
        return self.env.cr.fetchone()[0]

    def assertSealed(self, attachment, subject=None):
        row = self.at_rest("ir_attachment", attachment.id)
        self.assertNoCanary(row, "ir_attachment")
        with open(os.path.join(attachment._filestore(), row["store_fname"]), "rb") as file:
            self.assertNoCanary(file.read().decode("latin-1"), "the filestore")
        self.assertEqual(row["pii_subject_id"], (subject or self.subject).id)

    def attach(self, **vals):
        return self.env["ir.attachment"].create(
            {"name": "slip.txt", "raw": PERSON["street"].encode(), "mimetype": "text/plain", **vals}
        )
