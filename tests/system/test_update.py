"""The addons are updated as an administrator does it, on a database in which people are sealed."""

from __future__ import annotations

from support.odoo import Database

#: Far more than an update takes; one that waits for itself takes for ever.
SECONDS = 300

SEAL = """
subjects = env["pii.subject"]._seal_many([{
    "company_id": env.company.id, "origin": "shop", "reference": "update-1", "country_id": False,
    "start": env.company._pii_day(), "values": {"operational": {"name": "Updated Person"}},
}])
result = subjects.ids
"""

#: A field of the companies that an older release had: its column is dropped at the end of the update, and the table of
#: the companies is locked until the update's transaction ends.
OLDER = """
field = env["ir.model.fields"].create({
    "name": "x_pii_gone", "model_id": env.ref("base.model_res_company").id, "ttype": "char", "state": "manual",
})
cr.execute("UPDATE ir_model_fields SET state = 'base' WHERE id = %s", (field.id,))
env["ir.model.data"].create({
    "module": "pii_retention", "name": "field_res_company__x_pii_gone", "model": "ir.model.fields", "res_id": field.id,
})
cr.execute("ALTER TABLE res_company ADD COLUMN IF NOT EXISTS x_pii_gone varchar")
"""

LEFT = """
from odoo.addons.pii_retention import binding, keys

cr.execute("SELECT count(*) FROM information_schema.columns WHERE column_name = 'x_pii_gone'")
[columns] = cr.fetchone()
keys.keyring(env)
result = {"columns": columns, "unapplied": cr.dbname in binding.unapplied,
          "live": env["pii.subject"].search_count([("state", "=", "live")])}
"""


def test_an_update_that_changes_tables_ends(odoo_db: Database):
    """The ledger of erased people is applied on a connection of its own, which must not wait for the update."""
    odoo_db.python(SEAL)
    odoo_db.python(OLDER)
    done = odoo_db.odoo("server", "--stop-after-init", "--no-http", "-u", "pii_retention", seconds=SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    assert odoo_db.python(LEFT) == {"columns": 0, "unapplied": False, "live": 1}
