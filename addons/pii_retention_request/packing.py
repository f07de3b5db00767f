"""What is held of persons, as files for whoever may have it: an archive to be returned, a copy for a data subject.

Functions, not methods of a model, as everything that holds a person's data in clear. They work inside of a reveal, in
memory; what leaves them for the disk is encrypted for the requester's key.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile

from odoo.addons.pii_retention import files, keys, reveal
from odoo.addons.pii_retention.controllers import words
from odoo.addons.pii_retention.indexing import SEPARATOR
from odoo.addons.pii_retention.purposes import CLASSES

FORMAT = "pii-request/1"
#: Plain content of a part after which the next customers go into another one, in bytes.
PART_BYTES = 16 * 1024 * 1024
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def held(env, subject) -> dict:
    """Return what is held of one subject: ``{"reference", "uuid", …, "data": {class: {key: text}}, "files": […]}``.

    ``files`` describes the sealed files; their content is not in it.

    :param env: inside of a reveal that opened the subject
    :raise RuntimeError: outside of such a reveal
    :raise CryptoError: a token or its key cannot be used
    """
    opened = _opened_classes(env, subject)
    known = subject.sudo()  # sudo: the tokens are closed to everybody; the gate has let this subject through
    data, closed = {}, []
    keyring, domain = keys.keyring(env), known.company_id._pii_domain()
    for cls in CLASSES:
        tokens = list(filter(None, (known[f"{cls}_token"] or "").split(SEPARATOR)))
        if tokens and cls not in opened:
            closed.append(cls)
        for token in tokens if cls in opened else ():
            # corrections come after what they correct
            data.setdefault(cls, {}).update(keyring.open_record(domain, known.uuid, cls, token))
    return {
        "reference": known.reference,
        "channel": known.origin,
        "uuid": known.uuid,
        "country": known.country_id.code or None,
        "held_until": known.deadline.isoformat(),
        "why": dict(known._fields["deadline_rule"]._description_selection(env)).get(known.deadline_rule),
        "data": data,
        "not_opened": closed,
        "files": [
            {
                "id": attachment.id,
                "name": attachment.name,
                "type": attachment.mimetype,
                "document": attachment.res_model or None,
                "included": files.needed_classes(attachment) <= opened,
            }
            for attachment in known._files()
        ],
    }


def _opened_classes(env, subject) -> frozenset[str]:
    transaction = reveal.current(env)
    if transaction is None or not transaction.is_open or subject.id not in transaction.opened:
        raise RuntimeError("Data is packed inside of a reveal only.")
    return transaction.opened[subject.id]


class Archive:
    """A tar in memory, a folder for each customer: ``<reference>/data.json``, ``<reference>/files/<id>-<name>``."""

    def __init__(self):
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        self.index: list[dict] = []

    def __len__(self) -> int:
        return self._buffer.tell()

    def add(self, env, subject) -> None:
        """Add one customer with the content of the sealed files; arguments and errors as :func:`held`."""
        known = held(env, subject)
        folder = f"{_UNSAFE.sub('_', known['reference'])[:80]}-{known['uuid'][:8]}"
        for entry, attachment in zip(known["files"], subject.sudo()._files(), strict=True):  # sudo: as in held
            if entry["included"]:
                name = _UNSAFE.sub("_", entry["name"] or "file")[-80:]
                entry["path"] = f"{folder}/files/{entry['id']}-{name}"
                self._put(entry["path"], files.open_inside(attachment.with_env(env)))
        self._put(f"{folder}/data.json", as_json(known))
        self.index.append({"reference": known["reference"], "uuid": known["uuid"], "folder": folder})

    def finish(self, **about) -> bytes:
        """Return the tar, with ``manifest.json`` that says what it is and whom it holds."""
        self._put("manifest.json", as_json({"format": FORMAT, **about, "customers": self.index}))
        self._tar.close()
        return self._buffer.getvalue()

    def _put(self, path: str, content: bytes) -> None:
        entry = tarfile.TarInfo(path)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))


def as_json(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode()


def known_besides(request) -> dict:
    """Return what is known of a request's customers beside their data: documents that a statute keeps, and recipients.

    It opens nothing. Whose data is erased may still be named by a document of the archive, and was perhaps disclosed.
    """
    env = request.env
    # sudo: documents by number, recipients by the name of an organisation
    rows = (
        env["pii.disclosure"]
        .sudo()
        .search(
            [
                ("subject_uuid", "in", request.sudo().item_ids.mapped("subject_uuid")),
                ("outcome", "in", ("sent", "failed")),
                ("recipient_name", "!=", False),
            ],
            order="id",
        )
    )
    return {
        "kept_by_law": [
            {
                "document": item.display_name,
                "order": item.order_reference or None,
                "date": item.document_date.isoformat(),
                "statute": f"{item.statute}, {item.article}",
                "names": item.fields_kept,
                "until": item.retain_until.isoformat(),
            }
            for item in request._archived_documents()
        ],
        "disclosed_to": [
            {
                "recipient": row.recipient_name,
                "at": row.at.isoformat(),
                "order": row.reference,
                "what": row.classes,
                "why": dict(row._fields["purpose"]._description_selection(env)).get(row.purpose),
            }
            for row in rows
        ],
    }


def as_copy(request, held_list: list[dict]) -> bytes:
    """Return the machine-readable copy of a data subject's data (GDPR art. 15 and 20): JSON."""
    return as_json({"format": FORMAT, "request": request.name, "customers": held_list, **known_besides(request)})


def as_zip(env, request, subjects, held_list: list[dict]) -> bytes:
    """Return the copy with the content of the sealed files: ``data.json`` and ``files/<order>/<id>-<name>``.

    :param env: inside of the reveal that opened ``subjects``
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for subject, known in zip(subjects, held_list, strict=True):
            for entry, attachment in zip(known["files"], subject.sudo()._files(), strict=True):  # sudo: as in held
                if entry["included"]:
                    folder = _UNSAFE.sub("_", known["reference"])[:80]
                    entry["path"] = f"files/{folder}/{entry['id']}-{_UNSAFE.sub('_', entry['name'] or 'file')[-80:]}"
                    archive.writestr(entry["path"], files.open_inside(attachment.with_env(env)))
        archive.writestr("data.json", as_copy(request, held_list))
    return buffer.getvalue()


def as_pdf(env, request, held_list: list[dict]) -> bytes:
    """Return the copy as a person reads it. Rendered where the reveal's other documents are: in memory.

    :param env: inside of the reveal, if anything is held
    """
    report = env["ir.actions.report"]
    content, _kind = report._render_qweb_pdf(
        "pii_retention_request.action_report_copy",
        res_ids=request.ids,
        data={"customers": [_readable(env, known) for known in held_list], "besides": known_besides(request)},
    )
    return content


def _readable(env, known: dict) -> dict:
    """Return what :func:`held` returned, with words in place of codes."""
    return {
        **known,
        "sections": [
            {
                "title": words.class_word(env, cls),
                "rows": [(words.key_word(env, key), content[key]) for key in words.in_reading_order(content)],
            }
            for cls, content in known["data"].items()
        ],
    }
