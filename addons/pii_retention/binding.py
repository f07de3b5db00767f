"""Which database the keys of a company belong to.

A copy of a database looks exactly like the original. What it cannot copy is its place: the PostgreSQL cluster and the
number of the database in it. The key store remembers, for each company's key domain, the place that its keys serve; any
other database with the same companies is a foreign environment. There nothing is sealed or opened, and no credential
of a channel either, until a person says what it is: the original that has moved (:func:`take_over`), or a copy, which
is neutralized (``odoo-bin neutralize``) and gets key domains of its own.

What is remembered lies with the keys, append-only, so nobody who edits the database can change it. The database itself
remembers its ``environment``: a copy of a production database does not start as staging.

Functions, not methods of a model: typed code reaches models, never modules.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from odoo.exceptions import UserError
from odoo.tools import SQL

from . import key_checks, reveal
from .crypto import Keyring

#: Names of the anchors that say whose keys are.
PREFIX = "owner-"
#: System parameter: what the instance called itself when it first used its keys.
REMEMBERED = "pii_retention.environment"

FIRST, MOVED = "first", "moved"
_ACTOR = re.compile(r"[^A-Za-z0-9_./-]")
_lock = threading.Lock()
#: ``{(database name, store id): (environment, seconds at which it was found in order)}``
_in_order: dict[tuple[str, str], tuple[str, float]] = {}
#: Names of databases to which the ledger of erased people could not be applied yet since this process started.
unapplied: set[str] = set()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom the keys of one domain serve.

    :param place: cluster and database, ``<system identifier>:<oid>``
    :param environment: what the instance calls itself
    :param how: ``first`` (it made the first key) or ``moved`` (a person said so)
    :param at: UTC, seconds (``…Z``); empty for what was not written yet
    :param actor: who said so: database, channel and number of the user
    """

    place: str
    environment: str
    how: str
    at: str = ""
    actor: str = "-"

    @property
    def value(self) -> str:
        """Return it as an anchor."""
        return f"{self.place} {self.environment} {self.how} {_ACTOR.sub('_', self.actor) or '-'}"


def place_of(env) -> str:
    """Return the place of this database, which no copy shares.

    :raise UserError: PostgreSQL does not tell
    """
    identity = key_checks.database_identity(env)
    return f"{identity.cluster}:{identity.database}"


def owner(keyring: Keyring, domain: str) -> Owner | None:
    """Return whom the keys of ``domain`` serve, None if nobody used them yet.

    :raise CryptoError: the store cannot be read
    """
    found = None
    for anchor in keyring.anchors.entries(PREFIX + domain):
        place, environment, how, actor = anchor.value.split(" ")
        if found is None or how == MOVED:  # two processes may both have been first
            found = Owner(place, environment, how, anchor.at, actor)
    return found


def domains(env) -> list[str]:
    """Return the key domains of all companies, whoever asks."""
    env["res.company"].flush_model(["pii_domain"])
    env.cr.execute(SQL("SELECT pii_domain FROM res_company WHERE pii_domain IS NOT NULL ORDER BY id"))
    return [str(UUID(domain)) for (domain,) in env.cr.fetchall()]


def foreign(env, keyring: Keyring, environment: str) -> Owner | None:
    """Return the owner whose keys this database would use without right, None if all are its own or nobody's."""
    place = place_of(env)
    for domain in domains(env):
        found = owner(keyring, domain)
        if found and (found.place, found.environment) != (place, environment):
            return found
    return None


def check(env, keyring: Keyring, configured, actor: str) -> None:
    """Refuse a foreign environment, and remember this database as the owner of keys that serve nobody yet.

    Found in order, a database is not asked again for ``key_cache_seconds``.

    :param configured: :class:`~.key_settings.Settings`
    :raise UserError: the keys serve another database, or one that called itself differently
    """
    key, now = (env.cr.dbname, keyring.store_id), time.monotonic()
    with _lock:
        environment, since = _in_order.get(key, ("", 0.0))
    if environment == configured.environment and 0 <= now - since < configured.cache_seconds:
        return
    _check_remembered(env, configured.environment)
    if found := foreign(env, keyring, configured.environment):
        raise UserError(refusal(env, found, configured.environment))
    mine = Owner(place_of(env), configured.environment, FIRST, actor=actor)
    for domain in domains(env):
        if owner(keyring, domain) is None:
            keyring.anchors.append(PREFIX + domain, mine.value)
    with _lock:
        _in_order[key] = (configured.environment, now)


def _check_remembered(env, environment: str) -> None:
    # sudo: a system parameter, no secret
    parameters = env["ir.config_parameter"].sudo()
    remembered = parameters.get_param(REMEMBERED)
    if remembered and remembered != environment:
        raise UserError(
            env._(
                "This database was used as “%(remembered)s”, but the configuration file says “environment = "
                "%(environment)s”. If it is a copy, make it one with “odoo-bin neutralize”; if not, correct the "
                "configuration file and restart Odoo. Until then no personal data is sealed or opened here.",
                remembered=remembered,
                environment=environment,
            )
        )
    if not remembered and reveal.current(env) is None:
        parameters.set_param(REMEMBERED, environment)


def refusal(env, found: Owner, environment: str) -> str:
    if found.environment != environment:
        return env._(
            "The keys of this database belong to an instance that calls itself “%(owner)s”, but the configuration file "
            "says “environment = %(environment)s”. If this is a copy, make it one with “odoo-bin neutralize”; if not, "
            "correct the configuration file and restart Odoo.",
            owner=found.environment,
            environment=environment,
        )
    return env._(
        "This database is a copy: its keys serve another one (since %(since)s). No personal data is sealed or opened "
        "here, and Amazon is not called. If the original has moved here and does not work any more, a privacy officer "
        "says so under Privacy → Configuration → This Database, or the operator with “odoo-bin pii_post_restore "
        "--moved”. If the original lives, make this one a copy with “odoo-bin neutralize”.",
        since=found.at,
    )


def take_over(env, keyring: Keyring, environment: str, actor: str, *, environment_changed: bool = False) -> int:
    """Make this database the owner of its companies' keys: the original has moved here. Returns how many changed hands.

    The other database, should it live, is the foreign one from now on (within ``key_cache_seconds``). The caller has
    checked who decides, and erases afterwards whoever was erased since.

    :param environment: what the instance calls itself now
    :param environment_changed: it may call itself differently than before
    :raise UserError: it does, and may not
    """
    if not environment_changed:
        _check_remembered(env, environment)
        if (found := foreign(env, keyring, environment)) and found.environment != environment:
            raise UserError(refusal(env, found, environment))
    mine = Owner(place_of(env), environment, MOVED, actor=actor)
    changed = 0
    for domain in domains(env):
        found = owner(keyring, domain)
        if found is None or (found.place, found.environment) != (mine.place, mine.environment):
            keyring.anchors.append(PREFIX + domain, mine.value)
            changed += 1
    # sudo: as in _check_remembered
    env["ir.config_parameter"].sudo().set_param(REMEMBERED, environment)
    forget()
    return changed


def forget() -> None:
    """Ask again before the next use of a key."""
    with _lock:
        _in_order.clear()
