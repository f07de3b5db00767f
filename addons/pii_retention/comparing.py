"""Whether a newer delivery says something else than what is sealed: names of keys, never their texts.

Functions, not methods of a model: what is typed into Odoo could ask them until they had guessed a text.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import keys
from .crypto import CryptoError
from .indexing import SEPARATOR


def changed_keys(subject, values: Mapping[str, Mapping[str, str]]) -> set[tuple[str, str]]:
    """Return ``(class, key)`` of all that `values` would make other than the channel delivered it last.

    Corrections of persons are not looked at, see :func:`is_corrected`. What cannot be opened counts as other.

    :param subject: one ``pii.subject``
    :param values: ``{class: {key: text}}`` as for ``_seal_many``; a class that is absent stays as it is
    """
    found = set()
    for cls, content in values.items():
        held = (_records(subject, cls) or [{}])[0]
        found |= {(cls, key) for key in held.keys() | content.keys() if held.get(key, "") != (content.get(key) or "")}
    return found


def is_corrected(subject, cls: str, key: str) -> bool:
    """Whether a person has corrected what is held under `key`, so that deliveries change nothing of it."""
    return any(key in record for record in _records(subject, cls)[1:])


def is_held(subject, cls: str, key: str, text: str) -> bool:
    """Whether `text` is what is held under `key`, corrections included."""
    held: dict[str, str] = {}
    for record in _records(subject, cls):
        held.update(record)
    return held.get(key, "") == text


def _records(subject, cls: str) -> list[dict[str, str]]:
    """What is sealed of a class: the delivery, then the corrections in order; empty when it does not open.

    In memory only, as when it is sealed for another day: nobody sees it, so it is no access for the log.
    """
    subject = subject.sudo()  # sudo: nothing of it is shown to anybody
    tokens = list(filter(None, (subject[f"{cls}_token"] or "").split(SEPARATOR)))
    if not tokens:
        return []
    keyring, domain = keys.keyring(subject.env), subject.company_id._pii_domain()
    try:
        return [keyring.open_record(domain, subject.uuid, cls, token) for token in tokens]
    except CryptoError:
        return []
