"""What a request hands out, to the person who handles it: nothing of it is kept by browser or proxy."""

from __future__ import annotations

import contextlib
from uuid import uuid4

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.http import Controller, content_disposition, request, route

from odoo.addons.pii_retention import channel, disclosures, files, volumes
from odoo.addons.pii_retention.crypto import CryptoError
from odoo.addons.pii_retention.purposes import PURPOSES

from .. import packing
from ..handing_out import check_handler

FORMS = {"json": "application/json", "pdf": "application/pdf", "zip": "application/zip"}


def _answer(content: bytes, name: str, mimetype: str):
    return request.make_response(
        content,
        [
            ("Content-Type", mimetype),
            ("Content-Length", len(content)),
            ("Content-Disposition", content_disposition(name)),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ],
    )


class RequestDownloadController(Controller):
    @route("/pii/request/part/<int:part_id>", type="http", auth="user", readonly=False)
    def part(self, part_id):
        """Send one part of an archive to whoever handles the request, once; then it is gone from here.

        :raise AccessError: somebody else, or not in person
        :raise UserError: downloaded before, expired, or the key store cannot be used
        """
        _check_same_site()
        env = request.env
        part = env["pii.request.part"].browse(part_id).exists()
        if not part or channel.caller().channel != channel.WEB:
            raise AccessError(env._("This archive does not exist, or is not yours to download."))
        check_handler(part.request_id)
        part.request_id._lock()
        env["pii.request"]._discard_dead_parts()
        part.invalidate_recordset()
        if part.state != "ready":
            raise UserError(
                env._(
                    "%s was downloaded already, or its time is over. Press “Pack Anew” on its line if the requester "
                    "did not get it.",
                    part.name,
                )
            )
        # sudo: sealed for nobody who could have a grant; whoever may download it was checked above
        attachment = (
            env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", part._name),
                    ("res_id", "=", part.id),
                    ("pii_subject_id", "=", part.sudo().subject_id.id),
                ],
                limit=1,
            )
        )
        content = files._open(attachment)
        # sudo: a download is recorded by doing it
        part.sudo().write({"downloaded_at": fields.Datetime.now(), "downloaded_by_id": env.uid})
        part.sudo()._discard()
        part.request_id.message_post(body=env._("%(user)s downloaded %(file)s.", user=env.user.name, file=part.name))
        return _answer(content, part.name, "application/octet-stream")

    @route("/pii/request/<int:request_id>/copy/<string:form>", type="http", auth="user", readonly=False)
    def copy_for_person(self, request_id, form):
        """Send the copy of a data subject's data, made now and kept nowhere, to whoever handles the request.

        :param form: ``json`` (machine-readable), ``pdf``, or ``zip`` (JSON with the sealed files)
        :raise AccessError: somebody else, not in person, or the gate refuses (logged)
        :raise UserError: not approved, nothing held, or a key is missing
        """
        _check_same_site()
        env = request.env
        found = env["pii.request"].browse(request_id).exists()
        if not found or form not in FORMS:
            raise AccessError(env._("This request does not exist, or you may not read it."))
        check_handler(found)
        if found.right != "access":
            raise UserError(env._("A copy is made for a request for access."))
        subjects = found._open_subjects().with_env(env)
        if subjects:
            content = _opened_copy(found, subjects, form)
        elif found._archived_documents():
            # nobody is opened: the documents themselves are read by a request to the archive
            content = packing.as_pdf(env, found, []) if form == "pdf" else _plain_copy(env, found, form)
        else:
            raise UserError(
                env._(
                    "Nothing is held of these customers any more, and no document of theirs is kept by law: answer so."
                )
            )
        # sudo: that a copy was made is recorded by making it
        found.sudo().write({"copy_made_at": fields.Datetime.now(), "copy_made_by_id": env.uid})
        found.message_post(
            body=env._("%(user)s made a copy for the data subject (%(form)s).", user=env.user.name, form=form)
        )
        return _answer(content, f"{found.name.replace('/', '-')}.{form}", FORMS[form])


def _plain_copy(env, found, form: str) -> bytes:
    return packing.as_zip(env, found, env["pii.subject"], []) if form == "zip" else packing.as_copy(found, [])


def _opened_copy(found, subjects, form: str) -> bytes:
    """Return the copy, having written into the ledger and the log that it was made.

    :raise AccessError: the gate refuses
    :raise UserError: a key is missing
    """
    env = found.env
    reason, document = env._("Copy for the data subject of %s", found.name), f"{found.name} {form}"
    said = {
        "transfer": str(uuid4()),
        "purpose": "legal_request",
        "document": document,
        "classes": PURPOSES["legal_request"].classes,
        "reason": reason,
    }
    # as with every disclosure: written before anything can leave
    disclosures.append(env, env["pii.recipient"], subjects, "sent", **said)
    try:
        with _volume(found, subjects), subjects.reveal("legal_request", reason, document) as inside:
            held = [packing.held(inside, subject) for subject in subjects]
            if form == "pdf":
                return packing.as_pdf(inside, found, held)
            return packing.as_zip(inside, found, subjects, held) if form == "zip" else packing.as_copy(found, held)
    except BaseException as error:
        disclosures.append(env, env["pii.recipient"], subjects, "failed", **said)
        if isinstance(error, CryptoError):
            raise UserError(str(error)) from None
        raise


def _volume(found, subjects):
    """Return the volume of the request's own access for a person with more orders than are opened at once."""
    limit = found.env["pii.purpose.limit"]._of_purpose("legal_request").max_subjects
    return volumes.of_grant(found.grant_id.id) if len(subjects) > limit else contextlib.nullcontext()


def _check_same_site() -> None:
    """Refuse a link on somebody else's page: what is handed out once is asked for from Odoo's own screens."""
    if request.httprequest.headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
        raise AccessError(request.env._("Open the request in Odoo and download from there."))
