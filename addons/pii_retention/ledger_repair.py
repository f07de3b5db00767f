"""A key store that had to come from an older copy: what the database knows is written into it again.

Functions, not methods of a model: keys are destroyed here.
"""

from __future__ import annotations

from collections import defaultdict

from odoo.exceptions import UserError
from odoo.tools import split_every

from . import binding, keys, tombstones, transactions
from .crypto import CryptoError, InvalidName, KeyDestroyed, parse_key_id
from .replay import SEEN, repairing

_BATCH = 2000


def rewrite(env) -> tuple[int, int]:
    """Write into the ledger, and destroy again, what this database knows and the store has forgotten.

    For a key store that had to be restored from its backup: tombstones of erased people, and keys that certificates
    say are destroyed. Returns how many of each. Commits.

    :raise UserError: the key store cannot be used, or serves another database
    """
    with repairing():
        return _rewrite(env, keys.keyring(env))


def _rewrite(env, keyring) -> tuple[int, int]:
    env.cr.execute(
        "SELECT s.uuid, s.origin, s.reference, s.company_id, c.pii_domain FROM pii_subject s "
        "JOIN res_company c ON c.id = s.company_id WHERE s.state = 'erased' ORDER BY s.id"
    )
    rows = env.cr.fetchall()
    companies = {row[3]: env["res.company"].browse(row[3])._pii_day() for row in rows}
    try:
        written = 0
        for some in split_every(_BATCH, rows):
            stones = [
                (entry, companies[company], "restored")
                for uuid, origin, reference, company, domain in some
                for entry in tombstones.ids_of(domain, uuid, origin, reference)
            ]
            missing = {entry for entry, _day, _reason in stones} - keyring.subjects.buried(
                entry for entry, _day, _reason in stones
            )
            keyring.subjects.append_many(stone for stone in stones if stone[0] in missing)
            written += len(missing)
        certified = _certified_keys(env)
        destroyed = sum(keyring.destroy(key_id, "restored") for key_id in sorted(certified))
        _reopen_days(env, keyring, certified)
        # sudo: a system parameter, no secret
        env["ir.config_parameter"].sudo().set_param(SEEN, f"{keyring.store_id} {keyring.subjects.mark()}")
    except CryptoError as error:
        raise UserError(str(error)) from error
    transactions.commit(env)
    return written, destroyed


def _reopen_days(env, keyring, certified: dict[str, set[str]]) -> None:
    """Give days to come a living key again.

    Whoever is erased early moves a day to its next key. The copy of the store may be older than that one: then all keys
    of the day are dead, and whoever is sealed into it now would be taken for somebody whose day has come.
    """
    # sudo: the keys of all companies, whoever asks
    companies = env["res.company"].sudo().search([("pii_domain", "!=", False)])
    today = {company.pii_domain: company._pii_day().isoformat() for company in companies}
    for key_id, why in sorted(certified.items()):
        parsed = parse_key_id(key_id)
        if "company_left" in why:
            continue  # nobody is sealed for that company any more
        if parsed.kind == "day" and parsed.bucket > today[parsed.domain]:
            try:
                keyring.ensure(key_id)
            except KeyDestroyed as error:
                keyring.create_successor(error.key_id)


def _certified_keys(env) -> dict[str, set[str]]:
    """Return the keys of this database's companies that its sealed certificates call destroyed, and why they were."""
    domains = set(binding.domains(env))
    found: dict[str, set[str]] = defaultdict(set)
    # sudo: scheduled work of the server; certificates name keys and nobody
    for certificate in env["pii.certificate"].sudo().search([("state", "=", "sealed")]):
        for key_id in (certificate.key_ids or "").split():
            try:
                if parse_key_id(key_id).domain in domains:
                    found[key_id].add(certificate.reason)
            except InvalidName:
                continue
    return found
