"""What a person may type as a correction, before it is sealed.

Messages name the field, never the value: they end up in log files.
"""

from __future__ import annotations

import unicodedata

import phonenumbers

from odoo.exceptions import UserError
from odoo.tools import email_normalize

from ..purposes import CLASSES, Purpose
from .words import KEY_WORDS, key_word

#: Purposes whose dialog corrects; the others read what happened.
CORRECTING = ("label", "customer_service", "invoice", "legal_request")

#: What a parcel does not arrive without.
ADDRESS = ("street", "zip", "city")

#: Keys whose text may have several lines.
MULTILINE = ("delivery_note", "gift_text")

#: Characters that turn the direction of what follows: the text on the screen is not the text on the label.
_DIRECTION = {chr(code) for code in (0x61C, *range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_FORBIDDEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def limits(env) -> dict[str, int]:
    """Return ``{vault key: characters}`` of what a person may correct, see ``pii.subject._pii_text_limits``."""
    return env["pii.subject"]._pii_text_limits()


def correctable(env, purpose: Purpose) -> set[str]:
    """Return the keys that a person who acts for ``purpose`` may correct: those of the classes that it opens."""
    if purpose.code not in CORRECTING:
        return set()
    known = limits(env)
    return {key for cls in purpose.classes for key in CLASSES[cls] if key in known}


def checked(env, purpose: Purpose, values: dict) -> dict[str, str]:
    """Return the texts of a correction, normalised (NFC, no blanks around them).

    :param values: ``{vault key: text}`` as a browser sent it
    :raise UserError: a key that the purpose does not correct, or a text that no label could carry
    """
    if not isinstance(values, dict) or not values:
        raise UserError(env._("Nothing was corrected: change at least one value."))
    allowed = correctable(env, purpose)
    result = {}
    for key, text in values.items():
        if key not in allowed:
            raise UserError(
                env._(
                    "“%(field)s” cannot be corrected for the purpose “%(purpose)s”.",
                    # what is no field at all may be anything that somebody sent: it is not repeated in the log
                    field=key_word(env, key) if key in KEY_WORDS else "?",
                    purpose=purpose.label,
                )
            )
        result[key] = _checked_text(env, key, text)
    return result


def _checked_text(env, key: str, text) -> str:
    label = key_word(env, key)
    if not isinstance(text, str):
        raise UserError(env._("“%s” must be a text.", label))
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").strip())
    if not text and key == "name":
        raise UserError(env._("“%s” cannot be emptied: type what is right instead.", label))
    limit = limits(env)[key]
    if len(text) > limit:
        raise UserError(env._("“%(field)s” is too long: at most %(limit)s characters.", field=label, limit=limit))
    plain = text.replace("\n", "") if key in MULTILINE else text
    if "\n" in plain:
        raise UserError(env._("“%s” is one line: remove the line break.", label))
    if any(char in _DIRECTION or unicodedata.category(char) in _FORBIDDEN for char in plain):
        raise UserError(env._("“%s” contains invisible control characters: type it instead of pasting it.", label))
    return text


def doubts(env, texts: dict[str, str], country_code: str | None) -> list[str]:
    """Return questions about what is allowed but looks wrong; the person may insist.

    :param country_code: ISO code of the country that a phone number without prefix belongs to
    """
    result = [
        env._("Without “%s” a parcel may not arrive. Is it right that it is empty?", key_word(env, key))
        for key in ADDRESS
        if texts.get(key) == ""
    ]
    if (phone := texts.get("phone")) and not _is_phone(phone, country_code):
        result.append(env._("The phone number does not exist in this country's numbering plan."))
    for key in ("email", "pec_email"):
        if texts.get(key) and not email_normalize(texts[key]):
            result.append(env._("“%s” is no complete e-mail address.", key_word(env, key)))
    return result


def _is_phone(text: str, country_code: str | None) -> bool:
    try:
        number = phonenumbers.parse(text, country_code or None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)
