"""The work of ``odoo-bin pii_post_restore``."""

from __future__ import annotations

import sys

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

from . import key_loss, keys, ledger_repair, proof, replay, transactions
from .proof.running import OPERATOR


def main(
    database: str,
    *,
    moved: bool = False,
    environment_changed: bool = False,
    older_ledger: bool = False,
    keys_are_lost: bool = False,
    date_is_right: bool = False,
) -> int:
    """Do it, print what was done, and return the exit code."""
    registry = Registry(database)  # loading it replays already; what that did is counted too
    if "pii.subject" not in registry:
        return _refused(f"The addon pii_retention is not installed in {database}.")
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        try:
            counts = replay.started.pop(database, replay.Counts())
            if keys_are_lost:
                written, _destroyed = key_loss.start_anew(env)
                _say(f"A new key store was begun. People who were erased before, written into it: {written}.")
            if moved:
                counts = replay.take_over(env, environment_changed=environment_changed, date_is_right=date_is_right)
                _say("The keys serve this database now.")
            if older_ledger:
                written, destroyed = ledger_repair.rewrite(env)
                _say(f"Written into the ledger again: {written}. Keys destroyed again: {destroyed}.")
            later = replay.catch_up(env, date_is_right=date_is_right)
            proofs = proof.run(env, person=OPERATOR)
            transactions.commit(env)
        except UserError as error:
            return _refused(f"{error}{_way_on(env)}")
        for part in (counts, later):
            if part.read or part.overdue:
                _say(
                    f"Entries of the ledger: {part.read}. People erased again: {part.erased}. Files: {part.files}. "
                    f"Keys past their day destroyed: {part.overdue}. "
                    f"Certificates: {', '.join(part.certificates) or 'none'}."
                )
        if later.waiting:
            return _refused(
                "\n".join(later.waiting) + "\nIf the date is right, run “odoo-bin pii_post_restore --date-is-right”."
            )
        if found := proofs.line_ids.filtered("found"):
            return _refused(
                "The proof of absence found what must be gone: "
                + "; ".join(f"{line.name} ({line.found})" for line in found)
                + ". See Privacy → Retention → Proof of Absence. Nobody new is taken in until an officer has looked."
            )
        _say("Proof of absence: 0 found.")
        _say("This database holds nobody who was erased.")
    return 0


def _way_on(env) -> str:
    """Return what to do when the key store is not there, nothing when it is."""
    try:
        keys.unbound(env)
    except UserError:
        return (
            "\nIf the key store is lost, bring it back from its backup (bin/restore --from-keys); if no backup is left "
            "either, “odoo-bin pii_post_restore --keys-are-lost” begins with a new one."
        )
    return ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # an answer at the command line
    sys.stdout.flush()


def _refused(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1
