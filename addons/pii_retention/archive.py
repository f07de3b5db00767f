"""The legal archive: documents that a statute keeps, each sealed for itself, under the key of the year they end in.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
these return plaintext, seal and destroy.

A document is sealed once more, from the sealed file of its subject, when it is issued::

    seal(company, archive key of the year, item uuid, class "archive_<part>", item <uuid>, content filled up)

so that the subject can die on its day, and all else of it does. It opens for a request that a second person approved
(:mod:`.archive_reading`), and for nothing else: no door of attachments opens it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from odoo import fields
from odoo.exceptions import UserError

from . import archive_holds, archive_items, archive_seals, certificates, files, filestore, keys, statutes, transactions
from .archive_items import written
from .archive_seals import Finding
from .crypto import CryptoError, parse_key_id

_EXTENSIONS = {"application/pdf": "pdf", "application/xml": "xml", "text/xml": "xml", "text/plain": "xml"}


@dataclass(frozen=True, slots=True)
class Document:
    """What is archived beside the file itself; nothing of it names anybody.

    :param record: the record that it was issued from
    :param code: row of the rules (``IT``, ``OSS``, …)
    :param basis: code of ``pii_archive_item.BASES``: why the identity stays on it
    :param order_reference: number of the order
    :param subject: the ``pii.subject`` whose sealed file it is
    :param reason: what a person stated, for the basis ``manual`` or ``on_request``
    """

    record: object
    company: object
    code: str
    basis: str
    number: str
    dates: statutes.Dates
    amount: float
    currency: object
    order_reference: str
    subject: object
    reason: str = ""


# === KEEPING === #


def keep(attachment, document: Document):
    """Archive one sealed file; return its item, empty when no confirmed rule says so or its period is over.

    The same file is archived once, however often this is called. Nobody sees the content, so no gate is asked.

    :param attachment: ``ir.attachment`` that is sealed for ``document.subject``
    :raise UserError: the file or a key is missing or damaged
    """
    env = attachment.env
    known = attachment.sudo()  # sudo: the file is archived whoever issues the document; nothing is read
    Item = env["pii.archive.item"].sudo()  # sudo: the register is closed to everybody
    if not known.pii_subject_id or known.pii_subject_id != document.subject.sudo():
        raise UserError(env._("Only a sealed document of the customer is archived."))
    content = files._open(known)
    if earlier := _kept_before(Item, document.record, known, content):
        return earlier
    rule = archive_seals.rule_in_force(document.company, document.code, document.dates.document)
    if not rule:
        return Item
    start, until = rule._retain_until(document.dates)
    if until < document.company._pii_day():
        return Item
    vals = {
        "reference": document.number,
        "part": _part(known),
        "company_id": document.company.id,
        "res_model": document.record._name,
        "res_id": document.record.id,
        "document_date": document.dates.document,
        "transaction_date": document.dates.transaction,
        "amount": document.amount,
        "currency_id": document.currency.id,
        "order_reference": document.order_reference,
        "subject_uuid": document.subject.sudo().uuid,
        "rule_id": rule.id,
        "code": rule.code,
        "statute": rule.statute,
        "article": rule.article,
        "years": rule.years,
        "start": start,
        "retain_until": until,
        "bucket_year": until.year,
        "fields_kept": rule.fields_kept,
        "basis": document.basis,
        "reason": document.reason,
        "approved_by_id": rule.decided_by_id.id,
        "archived_by_id": env.uid,
        "mimetype": known.mimetype,
        "source_item": known.pii_item,
    }
    return archive_items.add(Item, vals, content)


def _kept_before(Item, record, known, content: bytes):
    """Return the item of the same file, also where it was sealed anew since because its customer got a later day."""
    of_record = [("res_model", "=", record._name), ("res_id", "=", record.id), ("state", "=", "kept")]
    items = Item.search(of_record, order="id")
    same = items.filtered(lambda item: item.source_item == known.pii_item)[:1]
    if same:
        return same
    return next((item for item in items if item.mimetype == known.mimetype and _holds(item, content)), Item)


def _holds(item, content: bytes) -> bool:
    try:
        return archive_items.content(item) == content
    except UserError:
        return False  # damaged: the check of the archive names it, and what is whole is archived again


def _part(known) -> str:
    found = _EXTENSIONS.get(known.mimetype or "", "other")
    return "xml" if (known.name or "").lower().endswith((".xml", ".p7m")) else found


# === THE END === #


def keys_due(company, today: date) -> list[str]:
    """Return the live archive keys of a company whose year is over, from the key store.

    :raise UserError: the key store cannot be used
    """
    try:
        found = keys.keyring(company.env).list(f"archive/{company._pii_domain()}")
    except CryptoError as error:
        raise UserError(str(error)) from error
    return [key_id for key_id in found if statutes.is_due(int(parse_key_id(key_id).bucket), today)]


def move_held(env, company, today: date) -> int:
    """Carry documents under a hold out of years that are over, into the present one; return how many.

    Commit before the keys are destroyed: what is moved and not committed would be lost with its old key.

    :raise UserError: a document or a key is damaged or missing
    """
    # sudo: the register is kept for everybody
    items = (
        env["pii.archive.item"]
        .sudo()
        .search([("company_id", "=", company.id), ("state", "=", "kept"), ("bucket_year", "<", today.year)])
    )
    held = archive_holds.held(items)
    for item in held:
        content = archive_items.content(item)
        names = ("reference", "part", "res_model", "res_id", "document_date", "transaction_date", "amount", "code")
        names += ("order_reference", "subject_uuid", "statute", "article", "years", "start", "retain_until", "basis")
        names += ("fields_kept", "reason", "mimetype", "source_item")
        links = ("company_id", "currency_id", "rule_id", "approved_by_id", "archived_by_id")
        vals = {name: item[name] for name in names} | {name: item[name].id for name in links}
        with written():
            item.state = "moved"
        archive_items.add(item.browse(), vals | {"bucket_year": today.year, "moved_from_id": item.id}, content)
    return len(held)


def over(env, company, today: date):
    """Return the documents whose statute has ended within a year that is not over yet, and that no hold keeps.

    Their key dies with the year, as it serves the others of it; they themselves go now: the law asks for no more. A row
    that somebody wrote a day into deletes nothing.

    :raise UserError: the key store cannot be used
    """
    # sudo: the register is kept for everybody
    items = (
        env["pii.archive.item"]
        .sudo()
        .search([("company_id", "=", company.id), ("state", "=", "kept"), ("retain_until", "<", today)])
    )
    try:
        genuine = items.filtered(lambda item: item.mac == archive_seals.item_mac(item))
    except CryptoError as error:
        raise UserError(str(error)) from error
    return genuine - archive_holds.held(genuine)


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What :func:`destroy_due` did: ids of the destroyed keys, and how many documents and files went with them."""

    key_ids: list[str]
    items: int
    files: int
    held: int


def destroy_due(env, company, today: date) -> Destroyed:
    """Destroy the archive keys of years that are over, then the files; idempotent, and finishes what was interrupted.

    Documents whose statute ends within a year go on the day after, see :func:`over`.

    Which keys those are says the key store, not the database. Documents under a hold are carried over first; that, and
    the certificate that names the keys, is committed before one dies. The purge calls it, and seals the certificate.

    :param today: the company's calendar day
    :raise UserError: the key store cannot be used; repeat the call
    """
    held = move_held(env, company, today)
    due = keys_due(company, today)
    # sudo: the register and the certificates are kept for everybody
    certificate = env["pii.certificate"].sudo()
    certificate = certificate.search(
        [("company_id", "=", company.id), ("kind", "=", "archive"), ("state", "=", "open")], limit=1
    )
    if due:
        certificate = certificate or certificates.begin(env, company, "archive", reason="deadline")
        certificates.count(certificate, key_ids=due)
    if due or held:
        # what is carried over, and what is about to die, is on the disk before the keys go
        transactions.commit(env)
    keyring = keys.keyring(env)
    try:
        for key_id in due:
            keyring.destroy(key_id, "deadline")
        items = (
            env["pii.archive.item"]
            .sudo()
            .search([("company_id", "=", company.id), ("state", "!=", "destroyed"), ("bucket_year", "<", today.year)])
        )
        # a year that somebody wrote into the row destroys nothing: the file says which key it needs
        gone = items.filtered(lambda item: _is_dead(keyring, item)) | over(env, company, today)
    except CryptoError as error:
        raise UserError(str(error)) from error
    attachments = env["ir.attachment"].sudo().search([("pii_archive_id", "in", gone.ids), ("id", "!=", False)])
    count = len(attachments)
    ended = gone.filtered(lambda item: item.state == "kept")
    filestore.collect_after_commit(env, attachments.mapped("store_fname"))
    with filestore.erasing(), written():
        attachments.unlink()
        gone.write({"destroyed_on": fields.Datetime.now()})
        ended.write({"state": "destroyed"})
    if certificate:
        certificates.count(certificate, files=count)
    return Destroyed(due, len(ended), count, held)


def _is_dead(keyring, item) -> bool:
    attachment = item._attachment()
    if not attachment:
        return item.state == "kept"
    try:
        return not keyring.exists(keyring.key_id_of(files.stored(attachment)))
    except CryptoError:
        # damaged beyond its key's name: the year of the row decides
        return True


def verify_files(company) -> list[Finding]:
    """Return what is wrong with the files of a company's archive: missing, or not those that were archived."""
    env = company.env
    # sudo: as in destroy_due
    items = env["pii.archive.item"].sudo().search([("company_id", "=", company.id), ("state", "=", "kept")])
    found = []
    for item in items:
        attachment = item._attachment()
        if not attachment:
            found.append(Finding(item.number, item.id, env._("The file of %s is gone.", item.display_name)))
        elif hashlib.sha256(files.stored(attachment)).hexdigest() != item.sha256:
            found.append(Finding(item.number, item.id, env._("The file of %s was changed.", item.display_name)))
    return found
