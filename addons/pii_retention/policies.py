"""The seals on changes of a policy: what was agreed on, and nothing else, is in force.

A policy's columns can be written by whoever writes to the database. A figure counts if it is at least as strict as the
last change that carries a genuine seal, or as the strict default where there is none. A seal is a MAC over the row with
a key outside of the database, made here, by functions that nothing evaluated can reach, after it was checked who
decides. The newest change of each figure is anchored beside the keys too, so that an older row, however genuine, does
not come back into force when the rows after it are removed.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from odoo import fields

from . import keys
from .crypto import CryptoError, secret_key_id
from .figures import CATALOGUE, Value, from_text, is_looser, is_possible

_logger = logging.getLogger(__name__)

#: Anchors of policies begin with this, those of the access log never do.
ANCHORS = "policy-"
_REQUEST, _DECISION = "policy/request", "policy/change"
_COLUMNS = (
    "company_id",
    "figure",
    "kind",
    "before",
    "after",
    "reason",
    "requested_by_id",
    "requested_at",
    "number",
    "state",
    "approved_by_id",
    "approved_at",
    "in_force_from",
)


@dataclass(frozen=True, slots=True)
class InForce:
    """``values`` by figure; ``faults``: the figures of which something else is written down, and why it does not count.

    The codes of ``faults``: ``bound`` (nobody may allow that), ``unapproved`` (looser than what was agreed on),
    ``forged`` (the newest change is not what was sealed), ``cut`` (newer changes were removed).
    """

    values: Mapping[str, Value]
    faults: Mapping[str, str]


# === SEALS === #


def terms_from(change_id: int, vals: Mapping) -> dict:
    """Return what the seal of a request covers.

    :param vals: columns of a ``pii.policy.change`` that is about to be written
    """
    return {
        "id": change_id,
        "company": vals["company_id"],
        "figure": vals["figure"],
        "kind": vals["kind"],
        "before": vals["before"],
        "after": vals["after"],
        "reason": vals["reason"] or "",
        "requested_by": vals["requested_by_id"],
        "requested_at": fields.Datetime.to_string(vals["requested_at"]),
    }


def decision_from(vals: Mapping) -> dict:
    """Return what the seal of a decision covers besides the request's terms."""
    return {
        "number": vals["number"],
        "state": vals["state"],
        "approved_by": vals.get("approved_by_id") or False,
        "approved_at": fields.Datetime.to_string(vals.get("approved_at")) or "",
        "in_force_from": fields.Datetime.to_string(vals["in_force_from"]) or "",
    }


def terms_of(change) -> dict:
    """Return what a row says that was asked."""
    return terms_from(change.id, _columns(change))


def seal_request(change, terms: dict) -> None:
    """Seal who asked for what: nobody approves a request of his own by writing another name below it.

    :raise CryptoError: the key store cannot be used
    """
    # sudo: the seals are closed to everybody; the caller has checked who asks
    change.sudo().request_seal = _mac(change.env["res.company"].browse(terms["company"]), _REQUEST, terms)


def is_genuine_request(change) -> bool:
    """Tell whether the request is what its author has asked for.

    :raise CryptoError: the key store cannot be used
    """
    found = change.sudo().request_seal  # sudo: as above
    return bool(found) and hmac.compare_digest(found, _mac(change.sudo().company_id, _REQUEST, terms_of(change)))


def next_number(company) -> int:
    """Return the number of a company's next change, which no removed one had.

    :raise CryptoError: the key store cannot be used
    """
    changes = company.env["pii.policy.change"].sudo()  # sudo: counted, not shown
    known = changes.search([("company_id", "=", company.id), ("number", ">", 0)], order="number desc", limit=1).number
    return max([known, *(number for number, _name, _mac in _anchored(company))]) + 1


def seal(change, company, terms: dict) -> None:
    """Seal what was decided, whatever has become of the row since, and anchor it once it is committed.

    :raise CryptoError: the key store cannot be used
    """
    # sudo: as above
    mac = change.sudo().seal = _mac(company, _DECISION, terms)
    keyring, name = keys.keyring(company.env), ANCHORS + company._pii_domain()

    def anchor():
        try:
            keyring.anchors.append(name, f"{terms['number']} {terms['figure']} {mac}")
        except CryptoError as error:
            _logger.warning("A change of the policy could not be anchored beside the keys: %s", error)

    change.env.cr.postcommit.add(anchor)


def is_genuine(change) -> bool:
    """Tell whether the change is what was decided.

    :raise CryptoError: the key store cannot be used
    """
    found = change.sudo().seal  # sudo: as above
    terms = terms_of(change) | decision_from(_columns(change))
    return bool(found) and hmac.compare_digest(found, _mac(change.sudo().company_id, _DECISION, terms))


def _columns(change) -> dict:
    change = change.sudo()  # sudo: compared, not shown
    return {name: change[name].id if change._fields[name].type == "many2one" else change[name] for name in _COLUMNS}


def _mac(company, label: str, terms: dict) -> str:
    keyring = keys.keyring(company.env)
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    return keyring.mac(key_id, json.dumps(terms, sort_keys=True, separators=(",", ":")).encode(), label=label).hex()


def _anchored(company) -> list[tuple[int, str, str]]:
    """Return ``(number, figure, MAC)`` of each change of a company that is anchored beside the keys."""
    found = []
    for entry in keys.keyring(company.env).anchors.entries(ANCHORS + company._pii_domain()):
        number, name, mac = entry.value.split(" ")
        found.append((int(number), name, mac))
    return found


# === IN FORCE === #


def in_force(company, written: Mapping[str, Value]) -> InForce:
    """Return what counts of what is ``written`` down in the policy of a company.

    The key store is asked only for figures that were ever changed.

    :raise CryptoError: the key store cannot be used
    :raise UserError: likewise
    """
    agreed, faults = _agreed(company)
    return _weigh(written, agreed, faults)


def strictly(written: Mapping[str, Value]) -> InForce:
    """Return what counts when no seal can be checked: nothing looser than the strict defaults."""
    return _weigh(written, {}, {})


def _weigh(written: Mapping[str, Value], agreed: Mapping[str, Value], faults: dict[str, str]) -> InForce:
    values, faults = {}, dict(faults)
    for name, value in written.items():
        figure = CATALOGUE.get(name)
        if figure is None:
            values[name] = value
            continue
        limit = agreed.get(name, figure.strict)
        if not is_possible(figure, value) or is_looser(figure, value, limit):
            faults.setdefault(name, "unapproved" if is_possible(figure, value) else "bound")
            value = limit if limit is not None else value
        values[name] = value
    return InForce(values, faults)


def _agreed(company) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the last value of each figure that was genuinely decided on, and what is wrong with the others."""
    # sudo: what was decided binds everybody
    changes = company.env["pii.policy.change"].sudo()
    newest = {}
    for change in changes.search([("company_id", "=", company.id), ("state", "=", "applied")], order="number, id"):
        newest[change.figure] = change
    if not newest:
        return {}, {}
    last = {name: number for number, name, _mac in sorted(_anchored(company))}
    agreed, faults = {}, {}
    for name, change in newest.items():
        figure = CATALOGUE.get(name)
        if figure is None:
            continue
        if not is_genuine(change):
            faults[name] = "forged"
        elif change.number < last.get(name, 0):
            faults[name] = "cut"
        else:
            value = from_text(figure, change.after)
            if is_possible(figure, value):
                agreed[name] = value
    return agreed, faults


def missing(company) -> list[tuple[int, str]]:
    """Return number and figure of each change that is anchored beside the keys and gone from the database.

    :raise CryptoError: the key store cannot be used
    """
    changes = company.env["pii.policy.change"].sudo()  # sudo: counted, not shown
    known = set(changes.search([("company_id", "=", company.id), ("state", "=", "applied")]).mapped("number"))
    return sorted({(number, name) for number, name, _mac in _anchored(company) if number not in known})
