"""Seals of the legal archive: what two persons confirmed, and that no document was slipped in, changed or removed.

Functions, not methods of a model, as in :mod:`.grants`: nothing that is evaluated seals terms of its own. The key of
the seals is the company's key for credentials, which outlives every document.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from . import channel, keys
from .crypto import CryptoError, KeyStoreError, secret_key_id

OFFICER = "pii_retention.group_privacy_officer"
#: What stands before the first document of a company.
START = "0" * 64


# === DECISIONS === #


def check_decider(record, requester) -> None:
    """Refuse unless a privacy officer of the record's company, in person, decides about somebody else's request.

    :raise AccessError: not in person, or no officer
    :raise UserError: the officer's own request
    """
    env = record.env
    if not channel.in_person(env):
        raise AccessError(env._("A privacy officer decides in person, signed in to Odoo."))
    if not env.user.has_group(OFFICER):
        raise AccessError(env._("Only a privacy officer decides about the legal archive."))
    if record.company_id not in env.user.company_ids:
        raise AccessError(env._("You do not work for %s.", record.company_id.name))
    if env.user == requester:
        raise UserError(env._("Nobody decides about a request of their own. Ask another privacy officer."))


def lock(record) -> None:
    """Lock one row and read it afresh, so that two officers do not decide at once.

    :raise UserError: somebody else is deciding at this moment
    """
    record.ensure_one()
    record.flush_recordset()
    try:
        record.env.cr.execute(
            SQL("SELECT id FROM %s WHERE id = %s FOR UPDATE NOWAIT", SQL.identifier(record._table), record.id)
        )
    except psycopg2.errors.LockNotAvailable:
        raise UserError(record.env._("Somebody else is deciding about this right now. Reload the page.")) from None
    record.invalidate_recordset()


# === SEALS === #


def mac_of(company, label: str, terms) -> str:
    """Return the seal over ``terms`` (JSON) under ``label``.

    :raise CryptoError: the key store cannot be used
    """
    keyring = keys.keyring(company.env)
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    data = json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()
    return keyring.mac(key_id, data, label=label).hex()


def seal(record, label: str, agreed: dict) -> None:
    """Seal the terms that were decided about, whatever has become of the row since.

    :param agreed: ``_terms`` as the decider has read them, with what the decision itself has changed
    :raise UserError: the key store cannot be used
    """
    try:
        # sudo: the seal is closed to everybody; the caller has checked who decides
        record.sudo().terms_seal = mac_of(record.company_id, label, agreed)
    except CryptoError as error:
        raise UserError(str(error)) from error


def is_genuine(record, label: str) -> bool:
    """Tell whether the row's terms are those that were sealed.

    :raise CryptoError: the key store cannot be used
    """
    known = record.sudo()  # sudo: as in seal
    found = known.terms_seal
    return bool(found) and hmac.compare_digest(found, mac_of(known.company_id, label, known._terms()))


def rule_in_force(company, code: str, day):
    """Return the confirmed rule of a company for documents of ``day``, empty without one that is genuine.

    A newer row that is not what was confirmed hides the older one: nothing is archived until a person looked into it.

    :raise UserError: the key store cannot be used
    """
    Rule = company.env["pii.archive.rule"].sudo()  # sudo: whoever issues the document need not read the rules
    found = Rule.search([("company_id", "=", company.id), ("code", "=", code), ("state", "=", "confirmed")])
    found = found.filtered(lambda rule: not rule.valid_from or rule.valid_from <= day)
    newest = found.sorted(lambda rule: (rule.valid_from or date.min, rule.id))[-1:]
    try:
        return newest if newest and is_genuine(newest, "archive/rule") else newest.browse()
    except CryptoError as error:
        raise UserError(str(error)) from error


# === THE CHAIN === #


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with the archive: number in the chain (0 without one), id of the item or 0, text."""

    number: int
    item_id: int
    text: str


def item_mac(item) -> str:
    """Return what the seal of an item must be.

    :raise CryptoError: the key store cannot be used
    """
    return mac_of(item.company_id, "archive/item", item._terms())


def _link(company, number: int, previous: str, item_mac_: str) -> str:
    return mac_of(company, "archive/chain", [number, previous, item_mac_])


def _chain_name(company) -> str:
    return str(uuid5(UUID(company._pii_domain()), "archive"))


def link(company) -> int:
    """Put the items that are new into the company's chain, and note its end beside the keys; return how many.

    It runs apart from the archiving, so that two invoices that are sent at once do not wait for each other. Numbers
    that were given are never given again: what a restored database has lost stays a gap.

    :raise CryptoError: the key store cannot be used
    """
    env = company.env
    Item = env["pii.archive.item"].sudo()  # sudo: the register is kept for everybody
    Item.flush_model()
    env.cr.execute(SQL("SELECT pg_try_advisory_xact_lock(hashtext('pii_archive'), %s)", company.id))
    if not env.cr.fetchone()[0]:
        return 0
    fresh = Item.search([("company_id", "=", company.id), ("number", "=", 0)], order="id")
    if not fresh:
        return 0
    last = Item.search([("company_id", "=", company.id), ("number", ">", 0)], order="number desc", limit=1)
    number, previous = (last.number, last.chain_mac) if last else (0, START)
    anchors, name = keys.keyring(env).anchors, _chain_name(company)
    known = anchors.furthest(name)
    if known and known[0] > number:
        number, previous = known
    for item in fresh:
        number += 1
        previous = _link(company, number, previous, item.mac)
        env.cr.execute(
            SQL("UPDATE pii_archive_item SET number = %s, chain_mac = %s WHERE id = %s", number, previous, item.id)
        )
    fresh.invalidate_recordset(["number", "chain_mac"])
    # only what is committed counts: a number that nobody knows of would look like a removed document
    env.cr.postcommit.add(lambda: _note_end(anchors, name, number, previous))
    return len(fresh)


def _note_end(anchors, name: str, number: int, value: str) -> None:
    try:
        anchors.advance(name, number, value)
    except KeyStoreError:
        # it is noted with the next document; until then the end of the register is not guarded
        return


def verify(company) -> list[Finding]:
    """Return what is wrong with the register of a company: changed, removed or slipped-in items.

    :raise CryptoError: the key store cannot be used
    """
    env = company.env
    Item = env["pii.archive.item"].sudo()  # sudo: as in link
    Item.flush_model()
    Item.invalidate_model()
    items = Item.search([("company_id", "=", company.id), ("number", ">", 0)], order="number")
    found, number, previous, is_whole = [], 0, START, True
    for item in items:
        if not hmac.compare_digest(item.mac or "", item_mac(item)):
            found.append(Finding(item.number, item.id, env._("Document %s was changed.", item.number)))
        if item.number != number + 1:
            is_whole = False
            found.append(
                Finding(
                    item.number,
                    item.id,
                    env._("Documents %(first)s to %(last)s are gone.", first=number + 1, last=item.number - 1),
                )
            )
        # behind a gap the chain goes on from a row that is not there
        elif not hmac.compare_digest(item.chain_mac or "", _link(company, item.number, previous, item.mac or "")):
            found.append(
                Finding(item.number, item.id, env._("Document %s does not follow its forerunner.", item.number))
            )
        number, previous = item.number, item.chain_mac or ""
    known = keys.keyring(env).anchors.furthest(_chain_name(company))
    if known and known[0] > number:
        text = env._("Documents %(first)s to %(last)s are gone.", first=number + 1, last=known[0])
        found.append(Finding(known[0], 0, text))
    elif known and known[0] == number and known[1] != previous and is_whole:
        found.append(Finding(number, items[-1:].id, env._("Document %s was replaced.", number)))
    for item in Item.search([("company_id", "=", company.id), ("number", "=", 0)]):
        if not hmac.compare_digest(item.mac or "", item_mac(item)):
            found.append(Finding(0, item.id, env._("A document was slipped in or changed.")))
    return found
