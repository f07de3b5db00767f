"""What the neutralization of a copy leaves, because SQL alone does not reach it.

Sealed files whose rows it has deleted: Odoo's collection of garbage looks at files only that it was told of. And what
people typed on the documents of customers, which in the original goes with the customer; no purge comes to the copy.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from odoo.tools import SQL, config, split_every

from . import leftovers, transactions

_logger = logging.getLogger(__name__)

#: System parameter, set by ``data/neutralize.sql``.
ASKED = "pii_retention.sweep_filestore"
_BATCH = 1000


def sweep_if_asked(env) -> int:
    """Delete unreferenced files and typed texts of a neutralized database, once; return how many files. Commits."""
    # sudo: system parameters, no secret
    parameters = env["ir.config_parameter"].sudo()
    if not parameters.get_param(ASKED) or not parameters.get_param("database.is_neutralized"):
        return 0
    count = sweep(env)
    env.cr.execute("SELECT id FROM pii_subject ORDER BY id")
    for ids in split_every(_BATCH, [row[0] for row in env.cr.fetchall()]):
        leftovers.erase(env, list(ids))
        transactions.commit(env)
    env.invalidate_all()
    parameters.set_param(ASKED, False)
    transactions.commit(env)
    _logger.info("%s files that nothing refers to were removed from the filestore of this copy.", count)
    return count


def sweep(env) -> int:
    """Delete every file of this database's filestore that no attachment refers to; return how many."""
    root = Path(config.filestore(env.cr.dbname))
    names = [
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _folders, files in os.walk(root)
        for name in files
        if os.path.basename(folder) != "checklist" and "checklist" not in Path(folder).relative_to(root).parts
    ]
    count = 0
    for some in split_every(_BATCH, names):
        # nobody may start to use a file between the look and the deletion
        env.cr.execute("LOCK ir_attachment IN SHARE MODE")
        env.cr.execute(SQL("SELECT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)", list(some)))
        for name in set(some).difference(row[0] for row in env.cr.fetchall()):
            with suppress(FileNotFoundError):  # another process of this copy starts too
                os.unlink(root / name)
                count += 1
        transactions.commit(env)
    return count
