"""Why a person wants to see somebody's data: a sentence, and nobody's name in it."""

from __future__ import annotations

import re

#: What a person writes when they name somebody: the log keeps reasons for longer than the data may live.
_PERSONAL = re.compile(r"@|\+\d[\d /-]{6,}")


def for_log(reason: str | None) -> str | None:
    """Return the reason as the log may keep it: None when it seems to hold an address or a number."""
    if reason and _PERSONAL.search(reason):
        return None
    return reason


def fault(env, reason, least: int) -> str | None:
    """Return what is wrong with a reason that a person stated, None if nothing is.

    :param least: how many words the policy asks for
    """
    words = re.findall(r"\w\w+", reason) if isinstance(reason, str) else ()
    if len({word.casefold() for word in words}) < least:
        return env._("State the reason in at least %s different words.", least)
    if _PERSONAL.search(reason):
        return env._("The reason is kept in the log: leave out e-mail addresses and phone numbers.")
    return None
