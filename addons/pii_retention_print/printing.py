"""Printing: from records to paper, with nothing kept in between.

Functions, not methods of a model: they hold plaintext on its way. Bytes live in memory; a job row says who printed
what where and how it went.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention import files
from odoo.addons.pii_retention.purposes import PURPOSES
from odoo.addons.pii_retention.stated import stating

from . import devices, messages
from .images import as_pdf
from .ipp import PrinterError, attributes, cancel, choose, open_job, send, sniff
from .ipp.errors import TRANSIENT, UNKNOWN
from .jobs import Plan, as_part, check_printer, claim_next, facts, note, progress, start

PDF = "application/pdf"
_printing: ContextVar[bool] = ContextVar("pii_printing", default=False)


def is_printing() -> bool:
    """Tell whether documents are rendered for a printer around this call."""
    return _printing.get()


# === SENDING === #


def send_next(env, job_id: int, data: dict | None = None) -> dict[str, Any]:
    """Render and send the next part of the person's own job; return :func:`progress`.

    :param data: options of the report, as its screen gave them; not kept
    :raise AccessError: somebody else's job
    """
    job = facts(env, job_id)
    if job.user_id != env.uid or env.su:
        raise AccessError(env._("Print jobs are sent by the person who started them."))
    printer = env["pii.printer"].browse(job.printer_id)
    # sudo: the report is a setting; what it shows is read as the person
    report = env["ir.actions.report"].browse(job.report_id or ()).sudo()

    def produce(ids):
        if report:
            return _render(env, report, ids, data)
        if job.model == "ir.attachment":
            return _content(env["ir.attachment"].browse(ids), job.purpose, printer.name)
        raise UserError(env._("These documents can only be printed again from where they were printed first."))

    expected = PDF if report and report.report_type != "qweb-text" else None
    return _work(printer, job_id, produce, expected)


def _work(printer, job_id: int, produce: Callable[[list[int]], tuple[bytes, str]], expected: str | None) -> dict:
    """Send one part; ``produce(ids)`` gives its content and type once the printer is ready for it."""
    env = printer.env
    claim = claim_next(env, job_id)
    if claim is None:
        return progress(env, job_id)
    try:
        check_printer(printer)
        status = _deliver(printer, job_id, claim, produce, expected)
    except PrinterError as error:
        sentence = messages.sentence(env, error, printer.name)
        state = "queued" if error.cause in TRANSIENT else _failure_state(error)
        note(env, claim["id"], state=state, message=sentence)
    except (AccessError, UserError) as error:
        # the text is the person's to read now, not to be kept: it may quote a document
        note(env, claim["id"], state="failed", message=env._("The documents were not rendered."))
        return progress(env, job_id) | {"message": str(error)}
    except BaseException:
        note(env, claim["id"], state="failed", message=env._("The documents could not be rendered."))
        raise
    else:
        note(env, claim["id"], **as_part(env, status))
    return progress(env, job_id)


def _failure_state(error: PrinterError) -> str:
    return "unknown" if error.cause in UNKNOWN and error.detail == "sent" else "failed"


def _deliver(printer, job_id, claim, produce, expected):
    """Open the job at the printer, then render, then send: a printer that is off costs no look at the data."""
    env = printer.env
    endpoint = devices.endpoint(printer)
    known = printer.sudo()  # sudo: as in devices
    info = attributes(endpoint)
    if not info.accepting:
        raise PrinterError("not_accepting")
    if expected and not choose(expected, info.formats):
        raise PrinterError("format", expected)
    title = f"Odoo {job_id}-{claim['sequence']}"
    media = known.media or None
    wanted = choose(expected, info.formats) if expected else (info.formats or ("application/octet-stream",))[0]
    ipp_job = open_job(endpoint, title, wanted, media)
    try:
        if ipp_job:
            note(env, claim["id"], ipp_job=ipp_job)
        token = _printing.set(True)
        try:
            with stating(env._("Printed on %s", printer.name)):
                content, mimetype = produce(claim["ids"])
        finally:
            _printing.reset(token)
        kind = sniff(content, mimetype)
        if kind.startswith("image/") and not choose(kind, info.formats):
            content, kind = as_pdf(content), PDF
        wanted = choose(kind, info.formats)
        if wanted is None:
            raise PrinterError("format", kind)
    except BaseException:
        if ipp_job:
            _withdraw(endpoint, ipp_job)
        raise
    try:
        return send(endpoint, ipp_job, content, wanted, title, media)
    except PrinterError as error:
        raise PrinterError(error.cause, "sent" if error.cause in UNKNOWN else error.detail) from None


def _withdraw(endpoint, ipp_job: int) -> None:
    """Take back a job that gets no document; a printer that does not answer lets it lapse by itself."""
    try:
        cancel(endpoint, ipp_job)
    except PrinterError:
        return


def _render(env, report, ids, data) -> tuple[bytes, str]:
    """Return the documents of these records in one file, and its type."""
    reports = env["ir.actions.report"]
    env[report.model].browse(ids).check_access("read")
    if report.report_type == "qweb-text":
        content = reports._render_qweb_text(report.report_name, ids, data=data)[0]
        return (content.encode() if isinstance(content, str) else content), "text/plain"
    content, kind = reports._render_qweb_pdf(report.report_name, ids, data=data)
    return (content.encode() if isinstance(content, str) else content), PDF if kind == "pdf" else "text/html"


def _content(attachment, purpose, printer_name) -> tuple[bytes, str]:
    """Return the bytes of a file through the gate, and its type."""
    known = attachment.sudo()  # sudo: whether a file is sealed is no secret
    if known.pii_subject_id:
        reason = attachment.env._("Printed on %s", printer_name)
        return files.content(attachment, purpose, reason), known.mimetype
    attachment.check_access("read")
    return attachment.raw or b"", known.mimetype


# === FOR OTHER MODULES === #


def print_report(report, records, printer=None, data=None) -> dict[str, Any]:
    """Print a report at once and return :func:`progress`; what could not be sent waits in the job.

    :param report: ``ir.actions.report`` record in the environment of the person who prints
    :param printer: ``pii.printer``; the person's printer for this report when None
    :raise UserError: there is no printer
    """
    env = report.env
    printer = printer or env["pii.printer"]._default_for(report)
    _check_found(env, printer)
    subjects = records._pii_subjects()
    plan = Plan(
        records._name, tuple(records.ids), report.sudo().pii_purpose or None, len(subjects), report.id, bool(data)
    )
    return _all(env, start(env, printer, plan), data)


def print_attachment(attachment, printer=None, purpose: str = "label") -> dict[str, Any]:
    """Print a file, sealed or not, at once and return :func:`progress`.

    :param attachment: one ``ir.attachment`` in the environment of the person who prints
    :raise UserError: there is no printer
    """
    env = attachment.env
    attachment.ensure_one().check_access("read")
    printer = printer or env["pii.printer"]._default_for(env["ir.actions.report"])
    _check_found(env, printer)
    subjects = attachment.sudo().pii_subject_id  # sudo: as in _content
    if subjects:
        purpose = (
            purpose
            if files.needed_classes(attachment) <= set(PURPOSES[purpose].classes)
            else files.purpose_of(attachment)
        )
    plan = Plan("ir.attachment", tuple(attachment.ids), purpose if subjects else None, len(subjects))
    return _all(env, start(env, printer, plan), None)


def print_bytes(printer, content: bytes, mimetype: str, purpose: str | None = None, subjects=None) -> dict[str, Any]:
    """Print bytes that the caller holds (a test page, a label fresh from a carrier) and return :func:`progress`."""
    env = printer.env
    plan = Plan("pii.printer", (printer.id,), purpose, len(subjects or ()))
    return _work(printer, start(env, printer, plan), lambda _ids: (content, mimetype), None)


def _check_found(env, printer) -> None:
    if not printer:
        raise UserError(env._("No printer is set up for this document. Ask your administrator."))


def _all(env, job_id: int, data) -> dict[str, Any]:
    state = send_next(env, job_id, data)
    while state["more"] and not state["waiting"]:
        state = send_next(env, job_id, data)
    return state
