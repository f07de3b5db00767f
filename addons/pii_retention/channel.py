"""Who is asking, and through which door: facts of the request, never of the environment.

``env.uid``, ``sudo`` and the context are what code says about itself. A person is whoever signed in to the web
session of the request that is being served; a call with an API key or a password over RPC has none, and neither has
the shell, a scheduled action or a thread of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from odoo.http import request

from . import evaluated

#: Doors, as the access log names them.
WEB, RPC, SERVER = "web", "rpc", "server"


@dataclass(frozen=True, slots=True)
class Caller:
    """One call.

    :param channel: ``web`` (a browser with a session), ``rpc`` (API key or password, no session), ``server``
    :param uid: the user who signed in, None without a web session
    :param session: fingerprint of the session, to tie rows of the log together; useless to hijack it
    :param address: network address of the client
    """

    channel: str
    uid: int | None = None
    session: str | None = None
    address: str | None = None


def caller() -> Caller:
    """Return the caller of the request that this thread serves; ``server`` when it serves none."""
    if not request:
        return Caller(SERVER)
    address = request.httprequest.remote_addr
    session = request.session
    bearer = request.httprequest.headers.get("Authorization", "").lower().startswith("bearer")
    if not session.uid or bearer:
        return Caller(RPC, address=address)
    fingerprint = hashlib.sha256(session.sid.encode()).hexdigest()[:16] if session.sid else None
    return Caller(WEB, session.uid, fingerprint, address)


def in_person(env) -> bool:
    """Tell whether the user of ``env`` acts by hand: signed in to the session of this request, no typed code between.

    What takes a person's own decision asks this first, then for the role.
    """
    person = caller()
    return person.channel == WEB and person.uid == env.uid and not evaluated.is_typed()
