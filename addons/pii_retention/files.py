"""Files that hold personal data: how they are sealed, what opens them, and for which purpose.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
these return plaintext.

A file is sealed for one subject, under a class, as one item::

    seal(company, day key, subject uuid, class "file_<class>", item <file's own uuid>, length(8) ‖ content ‖ padding)

So the database's writer can neither pass a document off as another one of the same customer, nor turn an invoice into
a label: class and item are authenticated. The content is filled up to a multiple of :data:`BLOCK`, because the exact
length of an XML tells the length of a name; ``file_size`` and ``checksum`` of the attachment are those of the sealed
bytes, which are random.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import uuid4

from odoo.exceptions import AccessError, UserError
from odoo.tools import human_size

from . import buckets, clock_seals, keys
from . import reveal as reveal_engine
from .crypto import CryptoError, MalformedToken, day_key_id
from .naming import document_of
from .purposes import CLASSES, PURPOSES

#: Class of a file -> the retention classes that must be open for it to open. ``mixed`` is what a person who answers
#: a customer prints, and what a file is that was sealed before files had a class.
FILE_CLASSES: dict[str, frozenset[str]] = {
    "operational": frozenset({"operational"}),
    "fiscal": frozenset({"fiscal"}),
    "mixed": frozenset({"operational", "fiscal"}),
    "quarantine": frozenset(CLASSES),
}
FILE_CLASS_SELECTION = [
    ("operational", "Shipping"),
    ("fiscal", "Fiscal document"),
    ("mixed", "Shipping and fiscal"),
    ("quarantine", "Quarantine"),
]

#: Records whose files are fiscal documents; those of all others serve the shipment.
_FISCAL_MODELS = frozenset({"account.move", "account.move.line"})

#: Bytes to a multiple of which a file is filled up before it is sealed.
BLOCK = 4096
_LENGTH_BYTES = 8


class SealedContent(bytes):
    """Sealed bytes on their way into an attachment, with what they are sealed for.

    No context key, no value that a client or a server action can send makes one.

    :ivar subject_id: id of the ``pii.subject``
    :ivar file_class: a key of :data:`FILE_CLASSES`, or False for a file of the time before classes
    :ivar item: the file's own UUID, or False
    """

    subject_id: int
    file_class: str | bool
    item: str | bool


# === CLASSES AND PURPOSES === #


def class_of_model(res_model: str | None) -> str:
    """Return the file class of what is attached to records of this model."""
    return "fiscal" if res_model in _FISCAL_MODELS else "operational"


def class_of_purpose(code: str) -> str:
    """Return the class of a document rendered for this purpose: the narrowest one that covers what it could show."""
    opened = set(PURPOSES[code].classes)
    return next(name for name, needed in FILE_CLASSES.items() if opened <= needed)


def needed_classes(attachments) -> frozenset[str]:
    """Return the retention classes that must be open for all of these attachments to open."""
    # sudo: which class a file is of is no personal data
    return frozenset().union(*(FILE_CLASSES[known.pii_class or "mixed"] for known in attachments.sudo()))


def purpose_of(attachments) -> str:
    """Return the purpose for which these sealed files are opened from a screen: the narrowest that opens them all."""
    needed = needed_classes(attachments)
    fitting = [purpose for purpose in PURPOSES.values() if needed <= set(purpose.classes)]
    return min(fitting, key=lambda purpose: len(purpose.classes)).code


# === SEALING === #


def _fill_up(content: bytes) -> bytes:
    size = _LENGTH_BYTES + len(content)
    return b"".join((len(content).to_bytes(_LENGTH_BYTES, "big"), content, bytes(-size % BLOCK)))


def _taken_out(data: bytes) -> bytes:
    return data[_LENGTH_BYTES : _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")]


def _crypto_class(file_class: str | bool) -> str:
    return f"file_{file_class}" if file_class else "file"


def seal(subject, file_class: str, content: bytes) -> SealedContent:
    """Seal ``content`` for one live subject, under a new item.

    :raise UserError: the subject's data is gone, the file is too large, or the key store cannot be used
    """
    env = subject.env
    subject = subject.sudo()  # sudo: the file is sealed whoever attaches it; nothing is read
    clock_seals.disown_altered(subject)
    if subject.state != "live" or subject._is_over():
        raise UserError(env._("The personal data of %s is gone; no document can be kept for it.", subject.reference))
    domain = subject.company_id._pii_domain()
    item = str(uuid4())
    keyring = keys.keyring(env)
    try:
        key_id = buckets.key_for(env, keyring, domain, subject.deadline)
        sealed = keyring.seal_file(
            domain, key_id, subject.uuid, _crypto_class(file_class), _fill_up(content), item=item
        )
    except CryptoError as error:
        raise UserError(str(error)) from error
    except ValueError:
        raise UserError(env._("A file of %s is too large to be sealed. Split it.", human_size(len(content)))) from None
    return _sealed(sealed, subject.id, file_class, item)


def _sealed(content: bytes, subject_id: int, file_class, item) -> SealedContent:
    sealed = SealedContent(content)
    sealed.subject_id, sealed.file_class, sealed.item = subject_id, file_class, item
    return sealed


def stored(attachment) -> SealedContent:
    """Return the bytes of a sealed file as they lie in the filestore or the database."""
    known = attachment.sudo()  # sudo: whoever moves a sealed file need not see the record it belongs to
    content = known._file_read(known.store_fname) if known.store_fname else bytes(known.db_datas or b"")
    return _sealed(content, known.pii_subject_id.id, known.pii_class, known.pii_item)


def sealed_again(attachment) -> SealedContent:
    """Return the file sealed once more for the same person and class, under the key of the subject's present day.

    Nobody sees its content, so no gate is asked.

    :raise UserError: as `open_inside`
    """
    known = attachment.sudo()  # sudo: as in seal
    # a file of the time before classes keeps what it needs to be opened with: all that it might hold
    return seal(known.pii_subject_id, known.pii_class or "mixed", _open(known))


def resealed(attachment, keyring, key_id: str) -> SealedContent:
    """Return the file sealed for the same person, class and item under another key; nobody sees its content.

    :raise CryptoError: it cannot be opened with the key it names, or the key store cannot be used
    """
    known = attachment.sudo()  # sudo: as in seal
    subject, content = known.pii_subject_id, stored(known)
    sealed = keyring.reseal_file(
        subject.company_id._pii_domain(),
        key_id,
        subject.uuid,
        _crypto_class(known.pii_class),
        content,
        item=known.pii_item or "",
    )
    return _sealed(sealed, subject.id, known.pii_class, known.pii_item)


def key_id_of(attachment, keyring) -> str | None:
    """Return the key that a sealed file says it needs, None if it is missing or damaged; reads its beginning only."""
    known = attachment.sudo()  # sudo: as in stored
    content = known._file_read(known.store_fname, size=512) if known.store_fname else bytes(known.db_datas or b"")
    try:
        return keyring.key_id_of(content)
    except CryptoError:
        return None


# === OPENING === #


def _open(known) -> bytes:
    """Return the content of one sealed attachment (superuser recordset); only for the functions of this module.

    :raise UserError: the file is missing, cut short or changed, or its key is; the text names the key
    """
    env = known.env
    subject = known.pii_subject_id
    domain = subject.company_id._pii_domain()
    content = stored(known)
    keyring = keys.keyring(env)
    try:
        data = keyring.open_file(
            domain, subject.uuid, _crypto_class(known.pii_class), content, item=known.pii_item or ""
        )
    except MalformedToken as error:
        raise UserError(
            env._(
                "File %(file)s, sealed with key '%(key)s', cannot be opened: %(error)s Restore it from a backup of the "
                "filestore, or create the document again.",
                file=known.id,
                key=_key_named(keyring, content, domain, subject),
                error=error if content else env._("its content is missing."),
            )
        ) from None
    except CryptoError as error:
        raise UserError(env._("File %(file)s cannot be opened: %(error)s", file=known.id, error=error)) from None
    return _taken_out(data) if known.pii_item else data


def _key_named(keyring, content: bytes, domain: str, subject) -> str:
    """Return the key id that a damaged container names, else the one of the subject's day."""
    try:
        return keyring.key_id_of(content)
    except CryptoError:
        return day_key_id(domain, subject.deadline)


def open_inside(attachment) -> bytes:
    """Return the content of one sealed file to an environment inside a reveal that opened its subject and class.

    :raise AccessError: outside of such a reveal
    :raise UserError: the file or its key is missing or damaged
    """
    known = attachment.sudo()  # sudo: to read which reveal it takes; the reveal decides
    transaction = reveal_engine.current(attachment.env)
    opened = (
        transaction.opened.get(known.pii_subject_id.id) if transaction is not None and transaction.is_open else None
    )
    if opened is None:
        raise AccessError(
            attachment.env._(
                "File %s holds a customer's personal data and is sealed. Open it with its own download button or print "
                "the document: that asks for your role and is logged.",
                known.id,
            )
        )
    if not needed_classes(known) <= opened:
        raise AccessError(
            attachment.env._(
                "File %s is sealed for another purpose than the one you act for. Open it with its own download button.",
                known.id,
            )
        )
    return _open(known)


@contextlib.contextmanager
def opened(attachments, purpose: str | None = None, reason: str | None = None) -> Iterator:
    """Yield ``attachments`` readable: through the gate for all persons whose sealed files are among them.

    :param purpose: code; the narrowest that opens them all when None
    :param reason: what the person stated; else it says which files of which documents
    :raise AccessError: no read access to an attachment, or the gate refuses
    :raise UserError: a subject was erased in the meantime
    """
    attachments = attachments.sudo(False)
    # sudo: whether and for whom a file is sealed is no secret
    sealed = attachments.sudo().filtered("pii_subject_id").sudo(False)
    if not sealed:
        attachments.check_access("read")
        yield attachments
        return
    purpose = purpose or purpose_of(sealed)
    _check_reader(attachments, sealed, purpose)
    subjects = sealed.sudo().pii_subject_id.with_env(attachments.env)
    document = document_of(sealed)
    reason = reason or attachments.env._("Open the file %s", document)
    with subjects.reveal(purpose, reason=reason, document=document) as env:
        yield attachments.with_env(env)


def _check_reader(attachments, sealed, purpose: str) -> None:
    """Let staff who may read the attachments go on to the gate; log and refuse everybody else.

    A link, its token or a portal account never opens a sealed file, whoever made the link.
    """
    env = attachments.env
    if not env.user._is_internal():
        error = AccessError(
            env._("This document holds personal data and is not available here. Ask the seller for a copy.")
        )
    else:
        try:
            attachments.check_access("read")
            return
        except AccessError as refused:
            error = refused
    subjects = sealed.sudo().pii_subject_id.with_env(env)  # sudo: the log names whose file was asked for
    env["pii.access.log"]._append(subjects, purpose, "refused", classes=sorted(needed_classes(sealed)), cause="no_role")
    raise error


def content(attachment, purpose: str | None = None, reason: str | None = None) -> bytes:
    """Return the bytes of one sealed file to the person behind its environment; arguments and errors as `opened`."""
    with opened(attachment, purpose, reason) as inside:
        return inside.raw
