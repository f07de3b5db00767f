"""A bucket changes to its next key, so that who was erased before the day is lost in every dump as well.

All who stay in the bucket are sealed again under the next generation of its key, then the old key is destroyed. Until
then both keys live: whatever is interrupted, everybody who stays is readable under one of the two, and the next run
goes on. Nobody who seals meanwhile lands under the key that is about to die, see :mod:`.buckets`.

Functions, not methods of a model: the neighbours are opened here.
"""

from __future__ import annotations

import logging
import time
from datetime import date, timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import SQL

from . import alerts, blind_index, buckets, files, filestore, indexing, keys, moving, transactions
from .crypto import CannotOpen, CryptoError, KeyDestroyed, KeyMissing, MalformedToken, parse_key_id
from .indexing import SEPARATOR
from .purposes import CLASSES

_logger = logging.getLogger(__name__)

#: Subjects, and files, that are sealed again in one transaction.
BATCH = 200
#: Seconds for which a rotation waits for those who are sealing at its beginning.
WAIT_SECONDS = 20
_OPEN = ("queued", "running")
_COLUMNS = SQL(", ").join(SQL.identifier("s", f"{cls}_token") for cls in CLASSES)
#: How often rows that others are changing are tried.
_TRIES = 6


def queue(env, key_id: str, reason: str):
    """Ask for a new key for the bucket of ``key_id``; return the ``pii.rotation``, an open one if there is one.

    It is due within the hours that the policy allows for cancelled orders; the purge does it, or :func:`run`.

    :param reason: code, see :data:`~.certificates.REASONS`
    """
    domain = parse_key_id(key_id).domain
    # sudo: rotations are asked for by the server; the domain of a company is no secret
    company = env["res.company"].sudo().search([("pii_domain", "=", domain)], limit=1)
    if not company:
        raise UserError(env._("Key %s belongs to no company of this database.", key_id))
    rotations = env["pii.rotation"].sudo()
    found = rotations.search([("key_id", "=", key_id), ("state", "in", _OPEN)], limit=1)
    if not found:
        now = fields.Datetime.now()
        found = rotations.create(
            {
                "key_id": key_id,
                "company_id": company.id,
                "reason": reason,
                "queued_on": now,
                "due_on": now + timedelta(hours=company._pii_figure("cancelled_hours")),
            }
        )
    return found


def run(env, key_id: str, *, locked: bool = False) -> bool:
    """Rotate the bucket of ``key_id`` now; it commits as it goes.

    :param locked: the caller holds the company's lock (:func:`buckets.try_to_work`)
    :return: whether the old key is gone; if not, the rotation stays in the queue and says why
    :raise UserError: the key store cannot be used
    """
    rotation = queue(env, key_id, "early_erasure")
    transactions.commit(env)
    if locked:
        return _guarded(rotation)
    with transactions.lock_cursor(env) as lock:
        if not buckets.try_to_work(lock, parse_key_id(key_id).domain):
            return False
        return _guarded(rotation)


def _guarded(rotation) -> bool:
    env = rotation.env
    try:
        return _rotate(rotation)
    except (CryptoError, UserError) as error:
        transactions.rollback(env)
        rotation.problem = str(error)
        alerts.tell(
            env,
            "rotation",
            rotation.company_id,
            env._("Key %s cannot be replaced", rotation.key_id),
            env._(
                "%s Until it is replaced, backups still hold who was erased. Put right what is said here, then press "
                "Replace the Key Now; if its file is damaged in every copy of the key store, Give Up the Key.",
                error,
            ),
        )
        transactions.commit(env)
        raise UserError(str(error)) from error


def _rotate(rotation) -> bool:
    env, company, key_id = rotation.env, rotation.company_id, rotation.key_id
    parsed = parse_key_id(key_id)
    day = date.fromisoformat(parsed.bucket)
    keyring = keys.keyring(env)
    if keyring.destroyed(key_id):
        return _ended(rotation, "done")
    if day <= company._pii_day():
        return _ended(rotation, "dropped", env._("Its day has come: the purge destroys the key for everybody."))
    try:
        successor = keyring.ensure(key_id)
        if successor == key_id:
            successor = keyring.create_successor(key_id)
    except KeyDestroyed:
        return _ended(rotation, "dropped", env._("The bucket has no living key after this one."))
    rotation.write({"state": "running", "successor": successor, "problem": False})
    transactions.commit(env)
    try:
        buckets.wait_for_sealers(env.cr, parsed.domain, day, WAIT_SECONDS)
    except transactions.CONFLICTS:
        return _put_off(rotation, env._("Somebody has been sealing into this day for long; the next purge goes on."))
    transactions.commit(env)
    if not _reseal_subjects(rotation, keyring, successor) or not _reseal_files(rotation, keyring, successor):
        return _put_off(rotation, env._("Somebody else is changing customers of this day; the next purge goes on."))
    # what was sealed again is on the disk before the only other key to it goes
    transactions.commit(env)
    keyring.destroy(key_id, rotation.reason)
    return _ended(rotation, "done")


def _ended(rotation, state: str, text: str | bool = False) -> bool:
    rotation.write({"state": state, "problem": text, "finished_on": fields.Datetime.now()})
    transactions.commit(rotation.env)
    return True


def _put_off(rotation, text: str) -> bool:
    transactions.rollback(rotation.env)
    rotation.problem = text
    transactions.commit(rotation.env)
    return False


# === SUBJECTS === #


def _reseal_subjects(rotation, keyring, successor: str) -> bool:
    """Seal everybody who is sealed with the old key again; tell whether nobody whose data opens is left."""
    env = rotation.env
    day = date.fromisoformat(parse_key_id(rotation.key_id).bucket)
    # who does not open was damaged before, and stays as he is
    damaged: set[int] = set()
    # first those of the day, by its index; then whoever else has the key, whatever day he is written down for
    where, tries = SQL("s.state = 'live' AND s.deadline = %s", day), 0
    while tries < _TRIES:
        try:
            after = 0
            while rows := _batch(rotation, where, after, damaged):
                for row in rows:
                    _reseal(rotation, keyring, successor, row, damaged)
                after = rows[-1][0]
                transactions.commit(env, len(rows))
            if not _left(rotation, damaged):
                rotation.damaged_count = len(damaged)
                return True
        except transactions.CONFLICTS:
            transactions.rollback(env)
        where, tries = SQL("TRUE"), tries + 1
        time.sleep(0.1 * tries)
        transactions.commit(env)
    return False


def sealed_with(key_id: str) -> SQL:
    """Return the condition on subjects ``s`` of whom anything is sealed with a key."""
    tokens = SQL(", ").join(SQL.identifier("s", f"{cls}_token") for cls in CLASSES)
    return SQL("strpos(concat_ws(%s, %s), %s) > 0", SEPARATOR, tokens, f"v1.{key_id}.")


def _batch(rotation, where: SQL, after: int, damaged: set[int]) -> list[tuple]:
    """Return some subjects that are sealed with the old key, locked; those that somebody else writes are left out."""
    cr = rotation.env.cr
    cr.execute(
        SQL(
            """SELECT s.id, s.uuid, c.code, s.content_mac IS NOT NULL, %s
                 FROM pii_subject s LEFT JOIN res_country c ON c.id = s.country_id
                WHERE s.company_id = %s AND %s AND %s AND s.id > %s AND s.id <> ALL(%s)
                ORDER BY s.id LIMIT %s FOR UPDATE OF s SKIP LOCKED""",
            _COLUMNS,
            rotation.company_id.id,
            where,
            sealed_with(rotation.key_id),
            after,
            list(damaged),
            BATCH,
        )
    )
    return cr.fetchall()


def _left(rotation, damaged: set[int]) -> bool:
    rotation.env.cr.execute(
        SQL(
            "SELECT EXISTS (SELECT FROM pii_subject s WHERE s.company_id = %s AND s.id <> ALL(%s) AND %s)",
            rotation.company_id.id,
            list(damaged),
            sealed_with(rotation.key_id),
        )
    )
    return rotation.env.cr.fetchone()[0]


def _reseal(rotation, keyring, successor: str, row: tuple, damaged: set[int]) -> None:
    """Seal one subject again, with what follows from its data: the index and the digest of the delivery."""
    env = rotation.env
    subject_id, uuid, country, has_mac, *tokens = row
    domain = parse_key_id(successor).domain
    columns: dict[str, str | None] = {}
    delivered, content = {}, {}
    try:
        for cls, column in zip(CLASSES, tokens, strict=True):
            held = filter(None, (column or "").split(SEPARATOR))
            records = [keyring.open_record(domain, uuid, cls, token) for token in held]
            if not records:
                continue
            columns[f"{cls}_token"] = SEPARATOR.join(
                keyring.seal_record(domain, successor, uuid, cls, record) for record in records
            )
            if records[0]:  # where only a correction is held nothing was delivered
                delivered[cls] = records[0]
            content[cls] = {key: text for record in records for key, text in record.items()}
    except (CannotOpen, MalformedToken, KeyDestroyed, KeyMissing):
        damaged.add(subject_id)
        return
    content = {cls: values for cls, values in content.items() if cls in blind_index.CLASSES}
    columns |= indexing.columns_for(indexing.mac_of(keyring, successor), rotation.company_id, content, country)
    columns["content_mac"] = moving.content_mac(keyring, successor, uuid, delivered) if has_mac else None
    changes = SQL(", ").join(SQL("%s = %s", SQL.identifier(name), value or None) for name, value in columns.items())
    env.cr.execute(SQL("UPDATE pii_subject SET %s WHERE id = %s", changes, subject_id))
    rotation.subject_count += 1


# === FILES === #


def _reseal_files(rotation, keyring, successor: str) -> bool:
    """Seal the files of the day again; tell whether all that open are under the new key."""
    env = rotation.env
    attachments = env["ir.attachment"].sudo()  # sudo: nobody sees the files; they are sealed again as they are
    day = date.fromisoformat(parse_key_id(rotation.key_id).bucket)
    after, tries = 0, 0
    while True:
        env.cr.execute(
            SQL(
                """SELECT a.id FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id
                    WHERE s.company_id = %s AND s.state = 'live' AND s.deadline = %s AND a.id > %s
                    ORDER BY a.id LIMIT %s""",
                rotation.company_id.id,
                day,
                after,
                BATCH,
            )
        )
        ids = [row[0] for row in env.cr.fetchall()]
        if not ids:
            return True
        try:
            for attachment in attachments.browse(ids):
                if files.key_id_of(attachment, keyring) == rotation.key_id:
                    _reseal_file(rotation, keyring, successor, attachment)
            transactions.commit(env, len(ids))
        except transactions.CONFLICTS:
            transactions.rollback(env)
            if (tries := tries + 1) == _TRIES:
                return False
            continue
        after = ids[-1]
        env.invalidate_all()


def _reseal_file(rotation, keyring, successor: str, attachment) -> None:
    try:
        sealed = files.resealed(attachment, keyring, successor)
    except (CannotOpen, MalformedToken, KeyDestroyed, KeyMissing) as error:
        # it was damaged before, and is as unreadable afterwards
        _logger.info("File %d does not follow its day's next key: %s", attachment.id, error)
        rotation.damaged_count += 1
        return
    before = attachment.store_fname
    attachment._pii_store({"raw": sealed, "mimetype": attachment.mimetype})
    filestore.collect_after_commit(rotation.env, [before])
    rotation.file_count += 1
