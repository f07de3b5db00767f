"""What the access log calls documents: their numbers, never the name of a person."""

from __future__ import annotations


def names_of(records, most: int = 5) -> str:
    """Return the numbers of documents (``WH/OUT/0001, WH/OUT/0002, …``), never the name of a person."""
    records = records.sudo()  # sudo: the number of a document that is being opened anyway
    field = records._fields.get("name")
    numbered = field is not None and field.type == "char" and records._name not in ("res.partner", "res.users")
    if numbered:
        # this column alone: what a report shows is read again inside the reveal
        records[:most].fetch(["name"])
    words = [(numbered and record.name) or f"{records._name} {record.id}" for record in records[:most]]
    return ", ".join(words) + (f" (+{len(records) - most})" if len(records) > most else "")


def document_of(attachments) -> str:
    """Return what files are and belong to, for the log: ``#12 of WH/OUT/0001``."""
    known = attachments.sudo()  # sudo: as in names_of
    owners = []
    for model, group in known.filtered(lambda file: file.res_model and file.res_id).grouped("res_model").items():
        if model in known.env:
            owners.append(names_of(known.env[model].browse(dict.fromkeys(group.mapped("res_id"))).exists()))
    numbers = ", ".join(f"#{file_id}" for file_id in known.ids[:5])
    return " ".join(filter(None, (numbers, ", ".join(filter(None, owners)))))
