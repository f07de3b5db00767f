"""Checks of files: sealed ones whose person is gone, and files in clear where only sealed ones may be."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import UTC, timedelta

from odoo.tools import SQL

from ..crypto import CryptoError, looks_sealed, parse_key_id
from .registry import COMPANY, DATABASE, EXAMPLES, Found, Look, check

#: Files younger than this may belong to a transaction that is not committed yet.
_YOUNG = timedelta(hours=1)
#: Files whose container is opened at its head to see which key it names; all are looked at where there are fewer.
_SAMPLE = 500
_HEAD = 256


@check("file_of_gone", COMPANY, "Sealed files of customers who are erased or past their day", model="ir.attachment")
def _of_gone(look: Look) -> list[Found]:
    relation = SQL(
        "ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id JOIN %s ON c.id = s.company_id", look.values
    )
    condition = SQL("s.state = 'erased' OR s.deadline <= c.due")
    return look.count(relation, SQL("s.company_id"), condition, SQL("a.id"))


@check("file_without_subject", DATABASE, "Sealed files that belong to nobody", model="ir.attachment")
def _without_subject(look: Look) -> list[Found]:
    relation = SQL(
        """(SELECT id, pii_subject_id FROM ir_attachment
             WHERE pii_subject_id IS NOT NULL OR pii_item IS NOT NULL OR pii_class IS NOT NULL) AS a"""
    )
    return look.count(relation, SQL("NULL::int"), SQL("a.pii_subject_id IS NULL"), SQL("a.id"))


@check("file_searchable", COMPANY, "Sealed files with their text beside them", model="ir.attachment")
def _searchable(look: Look) -> list[Found]:
    relation = SQL("ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id")
    condition = SQL("COALESCE(a.index_content, '') NOT IN ('', 'application') OR a.public")
    return look.count(relation, SQL("s.company_id"), condition, SQL("a.id"))


@check(
    "file_other_key",
    COMPANY,
    "Sealed files (a sample) with a key that outlives their customer's day",
    model="ir.attachment",
)
def _other_key(look: Look) -> list[Found]:
    """The database cannot tell: the name of the key stands at the head of the file."""
    look.env.cr.execute(
        SQL(
            """SELECT a.id, a.store_fname, a.db_datas IS NOT NULL, s.company_id, c.domain, s.deadline
                 FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id JOIN %s ON c.id = s.company_id
                WHERE a.type = 'binary' AND s.state <> 'erased' ORDER BY random() LIMIT %s""",
            look.values,
            _SAMPLE,
        )
    )
    looked, wrong = Counter(), defaultdict(list)
    attachments = look.env["ir.attachment"]
    for file_id, name, in_database, company_id, domain, deadline in look.env.cr.fetchall():
        head = _head(attachments, file_id, name, in_database)
        if not head:
            continue  # a file that is missing holds nothing
        looked[company_id] += 1
        key_id = _key_of(look, head)
        # an earlier day is no harm: a damaged file that could not be sealed again dies before its time
        if key_id is None or (key_id.kind, key_id.domain) != ("day", domain) or key_id.bucket > deadline.isoformat():
            wrong[company_id].append(file_id)
    return [Found(key, looked[key], len(wrong[key]), tuple(wrong[key][:EXAMPLES])) for key in looked]


def _head(attachments, file_id: int, name: str | None, in_database: bool) -> bytes:
    if in_database:
        attachments.env.cr.execute("SELECT substr(db_datas, 1, %s) FROM ir_attachment WHERE id = %s", [_HEAD, file_id])
        return bytes(attachments.env.cr.fetchone()[0])
    if not name:
        return b""
    try:
        with open(attachments._full_path(name), "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _key_of(look: Look, head: bytes):
    try:
        # the parser refuses a container without a body: what was cut off here is made up
        return parse_key_id(look.keyring.key_id_of(head + bytes(64)))
    except CryptoError:
        return None


@check("file_left_on_disk", DATABASE, "Sealed files on the disk that no record uses any more")
def _left_on_disk(look: Look) -> list[Found]:
    """Names of files are not told apart by company. What is not a sealed file is Odoo's own garbage."""
    attachments = look.env["ir.attachment"]
    root = attachments._filestore()
    before = (look.now.replace(tzinfo=UTC) - _YOUNG).timestamp()
    looked, left = 0, 0
    for folder in _folders(root):
        names = {f"{folder}/{entry.name}": entry for entry in os.scandir(os.path.join(root, folder)) if entry.is_file()}
        looked += len(names)
        look.env.cr.execute("SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)", [list(names)])
        for name in names.keys() - {row[0] for row in look.env.cr.fetchall()}:
            left += _is_left(names[name], before)
    return [Found(None, looked, left)]


def _folders(root: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and len(entry.name) == 2)
    except FileNotFoundError:
        return []


def _is_left(entry: os.DirEntry, before: float) -> bool:
    try:
        if entry.stat().st_mtime > before:
            return False
        with open(entry.path, "rb") as file:
            return looks_sealed(file.read(_HEAD))
    except OSError:
        return False  # deleted in this moment


@check(
    "file_in_clear",
    COMPANY,
    "Files in clear attached to the contacts, documents and messages of protected customers",
    model="ir.attachment",
)
def _in_clear(look: Look) -> list[Found]:
    cr = look.env.cr
    cr.execute(
        """SELECT a.res_model, count(*) FROM ir_attachment a
            WHERE a.pii_subject_id IS NULL AND a.pii_shows_nobody IS NOT TRUE AND a.res_id <> 0
              AND a.res_model IS NOT NULL
              AND a.type = 'binary' AND (a.store_fname IS NOT NULL OR a.db_datas IS NOT NULL) GROUP BY 1"""
    )
    models = [name for name, _count in cr.fetchall()]
    found: dict[int, set[int]] = defaultdict(set)
    for name in models:
        for company_id, file_id in _clear_of(look, name, SQL("a.res_model = %s AND t.id = a.res_id", name), SQL()):
            found[company_id].add(file_id)
    if "mail.message" in models:
        cr.execute(
            """SELECT DISTINCT m.model FROM ir_attachment a JOIN mail_message m ON m.id = a.res_id
                WHERE a.res_model = 'mail.message' AND a.pii_subject_id IS NULL AND m.model IS NOT NULL"""
        )
        through = SQL("JOIN mail_message m ON m.id = a.res_id AND a.res_model = 'mail.message'")
        for (name,) in cr.fetchall():
            for company_id, file_id in _clear_of(look, name, SQL("m.model = %s AND t.id = m.res_id", name), through):
                found[company_id].add(file_id)
    cr.execute(
        """SELECT s.company_id, count(*) FROM ir_attachment a JOIN pii_subject s ON s.id = a.pii_subject_id
            GROUP BY 1"""
    )
    looked = Counter(dict(cr.fetchall()))
    return [
        Found(key, looked[key] + len(found[key]), len(found[key]), tuple(sorted(found[key])[:EXAMPLES]))
        for key in looked.keys() | found.keys()
    ]


def _clear_of(look: Look, name: str, condition: SQL, through: SQL) -> list[tuple[int, int]]:
    """Return ``(company id, attachment id)`` of a model's unsealed files that lead to a protected contact."""
    if name not in look.env:
        return []
    model = look.env[name]
    if model._abstract or not model._auto or model._transient:
        return []
    if name == "res.partner":
        columns = ["id"]
    else:
        columns = [
            column
            for column in model._pii_partner_fields()
            if model._fields[column].store and model._fields[column].column_type
        ]
    if not columns:
        return []
    look.env.cr.execute(
        SQL(
            """SELECT s.company_id, a.id FROM ir_attachment a %(through)s
                 JOIN %(table)s t ON %(condition)s
                 JOIN res_partner p ON p.id IN (%(columns)s)
                 JOIN pii_subject s ON s.id = p.pii_subject_id
                WHERE a.type = 'binary' AND a.pii_subject_id IS NULL AND a.pii_shows_nobody IS NOT TRUE
                  AND (a.store_fname IS NOT NULL OR a.db_datas IS NOT NULL)""",
            through=through,
            table=SQL.identifier(model._table),
            condition=condition,
            columns=SQL(", ").join(SQL.identifier("t", column) for column in columns),
        )
    )
    return look.env.cr.fetchall()
