"""Move data subjects into another day's bucket: the one way in which a deadline changes.

Functions, not methods of a model: they hold plaintext while it is sealed again, and whoever can move a subject decides
how long it lives. What is typed into Odoo reaches models, never modules.

Everything that is sealed for a subject moves together: tokens with their corrections, the blind index, the digest of
what was delivered, and the sealed files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import date
from itertools import combinations

from odoo.exceptions import UserError

from . import blind_index, buckets, clock, clock_seals, files, indexing, keys, purge, rotation
from .crypto import (
    CannotOpen,
    CryptoError,
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    MalformedToken,
    parse_key_id,
)
from .indexing import SEPARATOR
from .purposes import CLASSES

_logger = logging.getLogger(__name__)


def content_mac(keyring, key_id: str, uuid: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """Return a digest of ``values`` keyed with the subject's key: it says "changed" and dies with the key."""
    content = json.dumps(values, sort_keys=True, ensure_ascii=False).encode()
    return hmac.new(keyring.subject_key(key_id, uuid, "mac").expose(), content, hashlib.sha256).hexdigest()


def move(subjects, day: date, rule: str) -> None:
    """Seal everything of live subjects again for ``day``, and note why.

    :param subjects: ``pii.subject`` recordset of any companies
    :raise UserError: the key store cannot be used; nothing was written then
    """
    subjects = subjects.sudo()  # sudo: the clock moves subjects, whoever brought the news; nothing is read
    clock_seals.disown_altered(subjects)
    _move_all([(subject, day, rule) for subject in subjects if subject.state == "live"])


def _move_all(wanted: list[tuple]) -> list[int]:
    """Move live subjects (superuser, rows found genuine), each ``(subject, day, rule)``.

    :return: the ids of those whose key is gone
    :raise UserError: as `move`
    """
    lost: list[int] = []
    moved = []
    for subject, day, rule in wanted:
        if day == subject.deadline:
            if rule != subject.deadline_rule:
                clock_seals.write(subject, {"deadline_rule": rule})
            continue
        before = subject.deadline
        try:
            columns = _resealed(subject, day)
        except KeyDestroyed:
            # the key of its day is gone, and the data with it; or the wanted day is over, which only shortening may be
            if day < before or not _is_readable(subject):
                lost.append(subject.id)
            continue
        except (CannotOpen, InvalidName, KeyMissing, MalformedToken) as error:
            # damaged: it cannot live longer, and it may not where the later keys are rotated away
            _logger.warning("A data subject (%s) keeps its day: %s", subject.uuid, error)
            if day < before:
                lost.append(subject.id)
            continue
        except CryptoError as error:
            raise UserError(str(error)) from error
        first = min(subject.sealed_from or before, before, day)
        clock_seals.write(subject, {**columns, "deadline": day, "deadline_rule": rule, "sealed_from": first})
        moved.append(subject)
    if moved:
        reseal_files(moved[0].concat(*moved))
    return lost


def _held_tokens(subject) -> dict[str, list[str]]:
    """Return ``{class: tokens}`` of what is sealed for a subject (superuser)."""
    return {cls: list(filter(None, tokens.split(SEPARATOR))) for cls in CLASSES if (tokens := subject[f"{cls}_token"])}


def _is_readable(subject) -> bool:
    keyring = keys.keyring(subject.env)
    held = _held_tokens(subject)
    return all(keyring.exists(keyring.key_id_of(token)) for tokens in held.values() for token in tokens)


def _resealed(subject, day: date) -> dict:
    """Return the columns of one subject (superuser) sealed under the key of ``day``; empty when it holds nothing.

    :raise CryptoError: the key store cannot be used, or what is held does not open
    """
    held = _held_tokens(subject)
    if not held:
        return {}
    domain, uuid = subject.company_id._pii_domain(), subject.uuid
    keyring = keys.keyring(subject.env)
    opened = {cls: [keyring.open_record(domain, uuid, cls, token) for token in held[cls]] for cls in held}
    key_id = buckets.key_for(subject.env, keyring, domain, day)
    columns = {
        f"{cls}_token": SEPARATOR.join(keyring.seal_record(domain, key_id, uuid, cls, record) for record in records)
        for cls, records in opened.items()
    }
    columns["content_mac"] = _mac_again(keyring, subject, key_id, held, opened)
    content = {cls: _laid(records) for cls, records in opened.items() if cls in blind_index.CLASSES}
    mac = indexing.mac_of(keyring, key_id)
    columns.update(indexing.columns_for(mac, subject.company_id, content, subject.country_id.code))
    return columns


def _laid(records: list[dict[str, str]]) -> dict[str, str]:
    """Return a class as it stands after its corrections."""
    result: dict[str, str] = {}
    for record in records:
        result.update(record)
    return result


def _mac_again(keyring, subject, key_id: str, held: dict[str, list[str]], opened: dict) -> str | bool:
    """Return the digest of the last delivery under another key; False when none is found.

    A delivery may have brought some of the classes only: which ones, the old digest tells.
    """
    if not subject.content_mac:
        return False
    old = keyring.key_id_of(next(iter(held.values()))[0])
    for count in range(len(opened), 0, -1):
        for classes in combinations(opened, count):
            values = {cls: opened[cls][0] for cls in classes}
            if hmac.compare_digest(subject.content_mac, content_mac(keyring, old, subject.uuid, values)):
                return content_mac(keyring, key_id, subject.uuid, values)
    return False


def reseal_files(subjects) -> None:
    """Seal the files of the subjects again under the key of the day on which they die now.

    A damaged file must not keep anybody's order from being imported; it dies on its old day.
    """
    for attachment in subjects._files():
        try:
            attachment._pii_store(
                {
                    "raw": (sealed := files.sealed_again(attachment)),
                    "mimetype": attachment.mimetype,
                    "pii_class": sealed.file_class,
                    "pii_item": sealed.item,
                }
            )
        except UserError as error:
            _logger.warning("A sealed file keeps its day: %s", error)


# === WHERE A SUBJECT BELONGS === #


def settle(subjects, held=None) -> None:
    """Put live subjects where their facts, the policy and holds say; forget those whose time is over.

    :param held: those under a hold, when the caller knows them
    :raise UserError: the key store cannot be used; nothing was written then
    """
    subjects = subjects.sudo()  # sudo: as in move
    clock_seals.disown_altered(subjects)
    over: dict[str, list[int]] = {}
    stale: set[str] = set()
    wanted = []
    for company, found in subjects.filtered(lambda subject: subject.state == "live").grouped("company_id").items():
        figures, today = company._pii_clock_figures(), company._pii_day()
        live_keys: list[tuple[date, str]] | None = None
        due = found.filtered(lambda one: clock.deadline(one._clock_facts(), figures)[0] <= today)  # noqa: B023
        kept = due._held() if held is None else due & held.sudo()
        for subject in found:
            now = (subject.deadline, subject.deadline_rule)
            step = clock.step(now, subject._clock_facts(), figures, today, subject in kept)
            if step.rotate:
                replaced = clock.stale_buckets(_first(subject), subject.deadline, step.day, today)
                live_keys = day_keys(company) if live_keys is None else live_keys
                stale.update(key_id for day, key_id in live_keys if day in replaced)
            if step.erase:
                over.setdefault(reason_of(step.rule), []).append(subject.id)
                # when and why it ended stays to be read
                subject.write({"deadline": min(step.day, subject.deadline), "deadline_rule": step.rule})
            else:
                wanted.append((subject, step.day, step.rule))
    if lost := _move_all(wanted):
        over.setdefault("deadline", []).extend(lost)
    for reason, ids in over.items():
        purge.forget(subjects.env, ids, reason, key_ids=stale)
    for key_id in sorted(stale):
        queue_rotation(subjects.env, key_id)


def _first(subject) -> date:
    """Return the earliest bucket that the subject was ever sealed into."""
    return min(subject.sealed_from or subject.deadline, subject.deadline)


def day_keys(company) -> list[tuple[date, str]]:
    """Return ``(day, key id)`` of every live day key of a company, as the key store has them.

    :raise UserError: the key store cannot be used
    """
    try:
        found = keys.keyring(company.env).list(f"day/{company._pii_domain()}")
    except CryptoError as error:
        raise UserError(str(error)) from error
    return [(date.fromisoformat(parse_key_id(key_id).bucket), key_id) for key_id in found]


def stale_keys(subjects) -> set[str]:
    """Return the live keys under which these subjects lie in any dump: all are rotated when they are erased early.

    :raise UserError: the key store cannot be used
    """
    result: set[str] = set()
    for company, found in subjects.sudo().grouped("company_id").items():  # sudo: as in move
        today, live = company._pii_day(), day_keys(company)
        for subject in found:
            replaced = clock.stale_buckets(_first(subject), subject.deadline, today, today)
            result.update(key_id for day, key_id in live if day in replaced)
    return result


def reason_of(rule: str) -> str:
    """Return the code under which a subject whose deadline has this rule is buried."""
    return {"cancelled": "cancelled", "fba": "no_purpose", "invoice": "no_purpose", "invoiced": "no_purpose"}.get(
        rule, "deadline"
    )


def queue_rotation(env, key_id: str) -> None:
    """Have the neighbours of a bucket sealed under a new key and the old one destroyed, within the policy's time."""
    rotation.queue(env, key_id, "early_erasure")
