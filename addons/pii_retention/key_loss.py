"""A key store that is lost for good, its backups too: the database begins with a new one.

Whatever was sealed with the lost keys opens nowhere any more and goes on its day; open orders can be read from Amazon
again, credentials and grants have to be given anew. What the database knows of the dead is written into the new store.

Functions, not methods of a model: who may say that keys are lost is whoever runs the server.
"""

from __future__ import annotations

from odoo.exceptions import UserError

from . import keys, ledger_repair, replay, transactions


def start_anew(env) -> tuple[int, int]:
    """Make a new key store in the configured place; return how many were buried and how many keys destroyed in it.

    :raise UserError: the store of this database is there, the place holds somebody else's, or it cannot be used;
        nothing was changed
    """
    try:
        keys.unbound(env)
    except UserError:
        pass
    else:
        raise UserError(env._("The key store of this database is there, and nothing is lost. Nothing was changed."))
    # sudo: system parameters, no secret
    parameters = env["ir.config_parameter"].sudo()
    try:
        parameters.set_param(keys.STORE_ID, False)
        keyring, _configured = keys.unbound(env)
        if keyring.list() or next(iter(keyring.subjects.entries()), None):
            raise UserError(
                env._(
                    "In the configured place lies the key store of another database. Name an empty place for the new "
                    "store in the configuration file."
                )
            )
        parameters.set_param(replay.SEEN, False)
    except UserError:
        transactions.rollback(env)
        env.registry.clear_cache("stable")
        raise
    transactions.commit(env)
    return ledger_repair.rewrite(env)
