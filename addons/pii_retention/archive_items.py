"""Documents of the legal archive as they lie there: how one is added, opened, and kept from every other door.

Functions, not methods of a model, for the reasons in :mod:`.archive`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextvars import ContextVar
from uuid import uuid4

from odoo import fields
from odoo.exceptions import AccessError, UserError

from . import archive_seals, files, journal, keys
from .crypto import CryptoError, KeyDestroyed, archive_key_id
from .facts import Asked

READ_PURPOSE = "archive_read"

_writing: ContextVar[bool] = ContextVar("pii_archive_writing", default=False)


@contextlib.contextmanager
def written() -> Iterator[None]:
    """Let the register be written in the block."""
    token = _writing.set(True)
    try:
        yield
    finally:
        _writing.reset(token)


def is_writing() -> bool:
    """Tell whether the register is being written by these modules."""
    return _writing.get()


# === ADDING AND OPENING === #


def add(Item, vals: dict, content: bytes):
    """Seal ``content`` for a new item; the row is sealed as it was stored."""
    env = Item.env
    company = env["res.company"].browse(vals["company_id"])
    uuid = str(uuid4())
    domain = company._pii_domain()
    keyring = keys.keyring(env)
    try:
        key_id = keyring.ensure(archive_key_id(domain, vals["bucket_year"]))
        crypto_class = f"archive_{vals['part']}"
        sealed = files._sealed(
            keyring.seal_file(domain, key_id, uuid, crypto_class, files._fill_up(content), item=uuid),
            False,
            False,
            False,
        )
    except KeyDestroyed:
        return Item
    except CryptoError as error:
        raise UserError(str(error)) from error
    vals = vals | {
        "uuid": uuid,
        "archived_at": fields.Datetime.now(),
        "size": len(sealed),
        "sha256": hashlib.sha256(sealed).hexdigest(),
        "mac": "-",
    }
    with written():
        item = Item.create(vals)
        # a date or an amount is sealed as the database keeps it
        item.flush_recordset()
        item.invalidate_recordset()
        try:
            item.mac = archive_seals.item_mac(item)
        except CryptoError as error:
            raise UserError(str(error)) from error
        item.env["ir.attachment"].create(
            {
                "name": f"{uuid}.sealed",
                "raw": sealed,
                "mimetype": vals["mimetype"],
                "res_model": item._name,
                "res_id": item.id,
                "company_id": company.id,
                "pii_archive_id": item.id,
            }
        )
    return item


def content(item) -> bytes:
    """Return the content of an item (superuser record); for functions of the archive alone.

    :raise UserError: it is gone, was changed, or is another one than the register says
    """
    env = item.env
    attachment = item._attachment()
    if item.state != "kept" or not attachment:
        raise UserError(env._("%s is not in the archive any more.", item.display_name))
    sealed = files.stored(attachment)
    domain = item.company_id._pii_domain()
    try:
        if hashlib.sha256(sealed).hexdigest() != item.sha256 or archive_seals.item_mac(item) != item.mac:
            raise UserError(
                env._(
                    "%s is not what was archived: its line or its file was changed. Verify the archive, and restore "
                    "the file from a backup.",
                    item.display_name,
                )
            )
        data = keys.keyring(env).open_file(domain, item.uuid, f"archive_{item.part}", sealed, item=item.uuid)
    except CryptoError as error:
        raise UserError(env._("%(item)s cannot be opened: %(error)s", item=item.display_name, error=error)) from None
    return files._taken_out(data)


def asked(items) -> list[Asked]:
    """Return what the access log says about items."""
    # sudo: the log names what was asked for
    return [Asked(item.id, item.uuid, item.reference, item.company_id.id) for item in items.sudo()]


# === DOORS === #


def refuse_door(attachment) -> None:
    """Log and refuse the opening of an archived file by a door of attachments.

    :raise AccessError: always
    """
    env = attachment.env
    item = attachment.sudo().pii_archive_id  # sudo: the log names what was asked for
    journal.append(env, asked(item), READ_PURPOSE, "refused", cause="no_grant")
    raise AccessError(_closed(env))


def _closed(env) -> str:
    return env._(
        "This document lies in the legal archive. Ask to read it in Privacy → Archive: a privacy officer approves, and "
        "it opens for a limited time."
    )


def check_door(attachments) -> None:
    """Refuse what code of attachments would do with an archived file: read, change, move, copy or delete it.

    :raise AccessError: one of them lies in the archive
    """
    if not _writing.get() and attachments.sudo().pii_archive_id:  # sudo: whether it does is no secret
        raise AccessError(_closed(attachments.env))
