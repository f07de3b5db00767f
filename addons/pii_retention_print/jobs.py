"""Rows of print jobs: written apart from the caller's transaction, asked about at the printers, stopped.

They are written on connections of their own, because paper cannot be rolled back: what was sent stays written down
whatever becomes of the caller's transaction, and no retry of it prints twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from odoo.exceptions import UserError

from . import devices, messages
from .ipp import PrinterError, cancel, job_status

#: State of a job at the printer -> state of the part here.
STATES = {
    "pending": "sent",
    "held": "sent",
    "processing": "printing",
    "stopped": "printing",
    "cancelled": "cancelled",
    "aborted": "failed",
    "completed": "done",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is printed in one job.

    :param model: of the documents
    :param ids: of the documents, in order
    :param report_id: the report, None for files
    :param subjects: number of persons whose data the documents show
    :param has_options: the report needs options that are not kept, so that only its own screen prints it again
    """

    model: str
    ids: tuple[int, ...]
    purpose: str | None
    subjects: int
    report_id: int | None = None
    has_options: bool = False


@contextmanager
def apart(env) -> Iterator[Any]:
    """Yield the environment on a connection of its own, committed at the end."""
    with env.registry.cursor() as cr:
        # superuser: rows of jobs are written by printing only, by nobody's right
        yield env(cr=cr, su=True)


def check_printer(printer) -> None:
    """Refuse a printer that the person may not use or that no officer released.

    :raise AccessError:
    :raise UserError:
    """
    printer.ensure_one()
    printer.check_access("read")
    if not printer.active or not devices.is_released(printer):
        raise UserError(
            printer.env._(
                "%s is not released for personal data. A privacy officer releases it in its settings.", printer.name
            )
        )


def start(env, printer, plan: Plan) -> int:
    """Write a job down, divided into parts of the printer's size, and return its id; nothing is rendered yet."""
    check_printer(printer)
    size = max(1, printer.sudo().documents_per_part)  # sudo: a setting of the printer
    pieces = [plan.ids[at : at + size] for at in range(0, len(plan.ids), size)] or [()]
    with apart(env) as inside:
        job = inside["pii.print.job"].create(
            {
                "user_id": env.uid,
                "printer_id": printer.id,
                "company_id": printer.sudo().company_id.id,  # sudo: as above
                "report_id": plan.report_id,
                "res_model": plan.model,
                "purpose": plan.purpose,
                "subject_count": plan.subjects,
                "has_options": plan.has_options,
                "part_ids": [
                    (0, 0, {"sequence": number, "res_ids": list(piece), "document_count": max(1, len(piece))})
                    for number, piece in enumerate(pieces, 1)
                ],
            }
        )
        return job.id


@dataclass(frozen=True, slots=True)
class Facts:
    """A job as it is written down now: the caller's own transaction may be too old to see it."""

    job_id: int
    user_id: int
    printer_id: int
    report_id: int | None
    model: str
    purpose: str | None


def facts(env, job_id: int) -> Facts:
    """Read a job.

    :raise UserError: it is gone
    """
    with apart(env) as inside:
        job = inside["pii.print.job"].browse(job_id).exists()
        if not job:
            raise UserError(env._("This print job is gone. Print the documents again."))
        return Facts(
            job.id,
            job.user_id.id,
            job.printer_id.id,
            job.report_id.id or None,
            job.res_model,
            job.purpose or None,
        )


def claim_next(env, job_id: int) -> dict[str, Any] | None:
    """Take the next waiting part for this call; two clicks never take the same one."""
    with apart(env) as inside:
        waiting = inside["pii.print.part"].search([("job_id", "=", job_id), ("state", "=", "queued")], order="sequence")
        part = waiting.try_lock_for_update(limit=1)
        if not part:
            return None
        part.write({"state": "sending", "message": False, "ipp_job": 0})
        return {
            "id": part.id,
            "ids": list(part.res_ids or ()),
            "sequence": part.sequence,
            "of": len(part.job_id.part_ids),
        }


def note(env, part_id: int, **values) -> None:
    """Write down how a part stands."""
    with apart(env) as inside:
        inside["pii.print.part"].browse(part_id).exists().write(values)


def as_part(env, status) -> dict[str, Any]:
    """Return what a status of the printer means for the part."""
    trouble = messages.reasons_sentence(env, status.reasons)
    return {"state": STATES[status.state], "message": trouble or False, "ipp_job": status.job_id}


def progress(env, job_id: int) -> dict[str, Any]:
    """Return how a job stands, from what is written down now.

    ``{job_id, printer, state, message, documents, sent, waiting, more}``: ``more`` says that parts wait to be sent,
    ``waiting`` after how many seconds to try again because the printer was busy (0: at once).
    """
    with apart(env) as inside:
        job = inside["pii.print.job"].browse(job_id)
        parts = job.part_ids
        queued = parts.filtered(lambda part: part.state == "queued")
        message = next((part.message for part in reversed(parts) if part.message), False)
        sent = parts.filtered(lambda part: part.state in ("sent", "printing", "done"))
        failed = parts.filtered(lambda part: part.state in ("failed", "unknown"))
        return {
            "job_id": job.id,
            "printer": job.printer_id.name,
            "state": job.state,
            "message": message,
            "documents": sum(parts.mapped("document_count")),
            "sent": sum(sent.mapped("document_count")),
            "waiting": job.printer_id.busy_seconds if any(part.message for part in queued) else 0,
            # one part that failed stops the batch: the person looks before the next pile of paper
            "more": bool(queued) and not failed,
        }


def poll(env, parts) -> None:
    """Ask the printers what became of sent parts, and write it down."""
    for printer, group in parts.sudo().grouped(lambda part: part.job_id.printer_id).items():  # sudo: rows of jobs
        try:
            endpoint = devices.endpoint(printer)
        except UserError:
            continue  # its password cannot be opened: the printer's own screen says so
        for part in group.filtered(lambda part: part.ipp_job and part.state in ("sent", "printing", "unknown")):
            try:
                values = as_part(env, job_status(endpoint, part.ipp_job))
            except PrinterError as error:
                if error.cause != "gone":
                    break  # the printer is away: ask again later
                text = env._("The printer has no record of this job any more.")
                values = {"state": "unknown", "message": text, "ipp_job": 0}
            if values["state"] != part.state or values["message"] != part.message:
                note(env, part.id, **values)


def cancel_job(env, job) -> str | None:
    """Stop a job: what waits is dropped, what was sent is taken back where the printer still can.

    :return: a sentence when something could not be stopped
    """
    with apart(env) as inside:
        waiting = inside["pii.print.part"].search([("job_id", "=", job.id), ("state", "=", "queued")])
        waiting.try_lock_for_update().write({"state": "cancelled", "message": False})
    with apart(env) as inside:
        sent = [
            (part.id, part.ipp_job)
            for part in inside["pii.print.job"].browse(job.id).part_ids
            if part.state in ("sent", "printing") and part.ipp_job
        ]
    problem = None
    endpoint = devices.endpoint(job.printer_id) if sent else None
    for part_id, ipp_job in sent:
        try:
            cancel(endpoint, ipp_job)
        except PrinterError as error:
            problem = messages.sentence(env, error, job.printer_id.name)
        else:
            note(env, part_id, state="cancelled", message=False)
    return problem
