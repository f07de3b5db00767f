"""Who hands data out for a request, and how what is returned is packed: a part at a time, each sealed when it is full.

Functions, not methods of a model: what evaluates could keep what they return.
"""

from __future__ import annotations

import time
from datetime import date, timedelta

from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention import channel, transactions, volumes

from . import packing, seals


def check_handler(request) -> None:
    """Refuse unless whoever handles an approved request is there in person.

    :raise AccessError: somebody else, a script, a remote call or typed code
    :raise UserError: the request is not approved, or not as it was decided
    """
    env = request.env
    if not channel.in_person(env):
        raise AccessError(env._("Whoever handles a request opens data in person, signed in to Odoo."))
    request.check_access("write")
    if env.user != request.user_id:
        raise AccessError(env._("Only whoever handles the request opens its data: %s.", request.user_id.name))
    if request.state != "approved" or not request.opens_data:
        raise UserError(env._("There is nothing to hand out for %s: it is not approved, or done.", request.name))
    if not seals.is_genuine(request):
        raise UserError(request._forged_text())


def last_day(request, subject) -> date:
    """Return the day on which an archive with this customer goes: when it expires, and never after the customer's."""
    company = request.company_id
    expires = company._pii_day() + timedelta(days=company._pii_figure("request_archive_days"))
    return min(expires, subject.deadline)


def pack(request, seconds: float) -> int:
    """Pack customers until the time is over; return how many are left.

    A part holds customers of one :func:`last_day` only, and is on the disk, encrypted and sealed, before the next one
    is begun: the memory that it takes depends on the size of a part, not on the number of customers.

    :raise AccessError: the gate lets nobody through, and nothing was packed
    """
    key = request._check_key()
    deadline = time.monotonic() + seconds
    left = request._unpacked()
    known = request._subjects_by_uuid(left)
    days = {item.id: last_day(request, known[item.subject_uuid]) for item in left}
    # whom a hold keeps past today gets the next day within the hour, and is packed then
    today = request.company_id._pii_day()
    waiting = left.filtered(lambda item: days[item.id] <= today)
    left = (left - waiting).sorted(lambda item: (days[item.id], item.id))
    while left and time.monotonic() < deadline:
        day = days[left[0].id]
        archive, packed, refusal = packing.Archive(), left.browse(), None
        while left and days[left[0].id] == day and time.monotonic() < deadline and len(archive) < packing.PART_BYTES:
            items = left[: volumes.AT_ONCE].filtered(lambda item: days[item.id] == day)  # noqa: B023
            subjects = request.env["pii.subject"].union(*(known[item.subject_uuid] for item in items))
            try:
                _add(request, archive, subjects.with_env(request.env))
            except AccessError as error:
                refusal = error
                break
            packed, left = packed | items, left - items
        if packed:
            _store(request, key, archive, packed, day)
        if refusal:
            if packed:
                break  # what is packed is kept; why the rest is not is said at the next press
            raise refusal
    return len(left | waiting)


def _add(request, archive, subjects) -> None:
    reason = request.env._("Return to the requester of %s", request.name)
    with (
        volumes.of_grant(request.grant_id.id),
        request.recipient_id.disclose(subjects, "legal_request", request.name, reason) as env,
    ):
        for subject in subjects:
            archive.add(env, subject)


def _store(request, key, archive, packed, day: date) -> None:
    number = max(request.part_ids.mapped("number"), default=0) + 1
    content = key.encrypt(
        archive.finish(request=request.name, part=number, company=request.company_id.name, count=len(packed))
    )
    name = f"{request.name.replace('/', '-')}-{number:03d}.tar{key.suffix}"
    request._store_part(number, name, content, packed, day)
    # whatever happens to the next part: this one is there
    transactions.commit(request.env)
