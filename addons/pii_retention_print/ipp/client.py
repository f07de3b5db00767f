"""A synchronous IPP client on top of pyipp, for the moment between a rendering and the paper.

Documents live in memory only: they are parts of a request's body. A printer's redirect is refused, because the
document would follow it; a proxy of the environment is not used; certificates are checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyipp.enums import IppOperation

from . import formats
from .errors import PrinterError
from .transport import Endpoint, execute, fingerprint_of, run

__all__ = [
    "Endpoint",
    "JobStatus",
    "PrinterInfo",
    "Queue",
    "attributes",
    "cancel",
    "certificate",
    "job_status",
    "open_job",
    "queues",
    "send",
]

_PRINTER_STATES = {3: "idle", 4: "printing", 5: "stopped"}
_JOB_STATES = {
    3: "pending",
    4: "held",
    5: "processing",
    6: "stopped",
    7: "cancelled",
    8: "aborted",
    9: "completed",
}
_ABOUT_PRINTER = [
    *("printer-name", "printer-info", "printer-location", "printer-make-and-model", "printer-state"),
    *("printer-state-message", "printer-state-reasons", "printer-is-accepting-jobs", "document-format-supported"),
    *("media-default", "media-supported", "queued-job-count", "printer-uri-supported"),
]
_ABOUT_JOB = ["job-id", "job-state", "job-state-reasons", "job-printer-state-reasons", "job-impressions-completed"]


@dataclass(frozen=True, slots=True)
class PrinterInfo:
    """What a printer says about itself; ``state`` is idle, printing, stopped or unknown."""

    name: str
    info: str
    location: str
    model: str
    state: str
    reasons: tuple[str, ...]
    message: str
    accepting: bool
    formats: tuple[str, ...]
    media: tuple[str, ...]
    media_default: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of a CUPS server."""

    name: str
    uri: str
    info: str
    location: str
    model: str
    state: str


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as the printer sees it; ``state`` is one of pending, held, processing, stopped, cancelled, aborted,
    completed."""

    job_id: int
    state: str
    reasons: tuple[str, ...] = field(default=())

    @property
    def over(self) -> bool:
        """Will it not change any more?"""
        return self.state in ("cancelled", "aborted", "completed")


def _texts(value: Any) -> tuple[str, ...]:
    """Return the values of an attribute that has one, many or none."""
    if value is None:
        return ()
    return tuple(str(item) for item in (value if isinstance(value, (list, tuple)) else [value]))


def _text(value: Any) -> str:
    return next(iter(_texts(value)), "")


def _reasons(*values: Any) -> tuple[str, ...]:
    """Return state reasons without their severity: ``media-empty-error`` is ``media-empty``."""
    found = dict.fromkeys(
        reason.removesuffix("-error").removesuffix("-warning").removesuffix("-report")
        for value in values
        for reason in _texts(value)
    )
    return tuple(reason for reason in found if reason != "none")


def _printer_info(found: dict[str, Any]) -> PrinterInfo:
    return PrinterInfo(
        name=_text(found.get("printer-name")),
        info=_text(found.get("printer-info")),
        location=_text(found.get("printer-location")),
        model=_text(found.get("printer-make-and-model")),
        state=_PRINTER_STATES.get(found.get("printer-state", 0), "unknown"),
        reasons=_reasons(found.get("printer-state-reasons")),
        message=_text(found.get("printer-state-message")),
        accepting=found.get("printer-is-accepting-jobs", True) is not False,
        formats=_texts(found.get("document-format-supported")),
        media=_texts(found.get("media-supported")),
        media_default=_text(found.get("media-default")),
        waiting=int(found.get("queued-job-count") or 0),
    )


def attributes(endpoint: Endpoint) -> PrinterInfo:
    """Ask the printer how it is and what it takes.

    :raises PrinterError:
    """
    answer = execute(endpoint, IppOperation.GET_PRINTER_ATTRIBUTES, {"requested-attributes": _ABOUT_PRINTER})
    if not answer["printers"]:
        raise PrinterError("not_ipp")
    return _printer_info(answer["printers"][0])


def queues(endpoint: Endpoint) -> list[Queue]:
    """List the queues of the CUPS server at this address.

    :raises PrinterError: unsupported where no CUPS answers
    """
    answer = execute(endpoint, IppOperation.CUPS_GET_PRINTERS, {"requested-attributes": _ABOUT_PRINTER})
    result = []
    for found in answer["printers"]:
        info = _printer_info(found)
        uri = _text(found.get("printer-uri-supported"))
        if info.name:
            result.append(Queue(info.name, uri, info.info, info.location, info.model, info.state))
    return sorted(result, key=lambda queue: queue.name)


def open_job(endpoint: Endpoint, title: str, wire_format: str, media: str | None = None) -> int | None:
    """Open a job before there is a document: a printer that is off, closed or busy says so now.

    :param title: shown on the printer's display and in its log; never personal
    :return: the printer's number of the job, or None where the printer takes a job and its document only together
    :raises PrinterError:
    """
    job = {"media": media} if media else None
    try:
        answer = execute(endpoint, IppOperation.CREATE_JOB, {"job-name": title}, job)
    except PrinterError as error:
        if error.cause != "unsupported":
            raise
        wanted = {"job-name": title, "document-format": wire_format}
        execute(endpoint, IppOperation.VALIDATE_JOB, wanted, job)
        return None
    return _job_of(answer).job_id


def send(
    endpoint: Endpoint, job_id: int | None, content: bytes, wire_format: str, title: str, media: str | None = None
) -> JobStatus:
    """Send the document of a job that :func:`open_job` opened.

    :raises PrinterError: with a cause of :data:`.errors.UNKNOWN` when nobody knows whether the printer has it
    """
    if job_id is None:
        wanted = {"job-name": title, "document-format": wire_format}
        job = {"media": media} if media else None
        return _job_of(execute(endpoint, IppOperation.PRINT_JOB, wanted, job, content))
    wanted = {"job-id": job_id, "document-format": wire_format, "last-document": True}
    try:
        return _job_of(execute(endpoint, IppOperation.SEND_DOCUMENT, wanted, None, content))
    except PrinterError as error:
        return _after_break(endpoint, job_id, error)


def _after_break(endpoint: Endpoint, job_id: int, error: PrinterError) -> JobStatus:
    """Find out what became of a document whose connection broke; raise ``error`` if that cannot be known."""
    if error.cause not in ("interrupted", "timeout"):
        raise error
    try:
        status = job_status(endpoint, job_id)
    except PrinterError:
        raise error from None
    if status.state in ("processing", "completed") and "job-incoming" not in status.reasons:
        return status
    try:
        cancel(endpoint, job_id)
    except PrinterError:
        raise error from None
    raise PrinterError("refused", "cancelled")


def job_status(endpoint: Endpoint, job_id: int) -> JobStatus:
    """Ask what became of a job.

    :raises PrinterError: gone where the printer has forgotten it
    """
    wanted = {"job-id": job_id, "requested-attributes": _ABOUT_JOB}
    return _job_of(execute(endpoint, IppOperation.GET_JOB_ATTRIBUTES, wanted))


def cancel(endpoint: Endpoint, job_id: int) -> None:
    """Stop a job.

    :raises PrinterError: not_possible where it is over
    """
    execute(endpoint, IppOperation.CANCEL_JOB, {"job-id": job_id})


def _job_of(answer: dict[str, Any]) -> JobStatus:
    found = next(iter(answer["jobs"]), {})
    if not found.get("job-id"):
        raise PrinterError("not_ipp")
    reasons = _reasons(found.get("job-state-reasons"), found.get("job-printer-state-reasons"))
    return JobStatus(int(found["job-id"]), _JOB_STATES.get(found.get("job-state", 0), "pending"), reasons)


def certificate(endpoint: Endpoint) -> str:
    """Return the SHA-256 fingerprint of the certificate that the printer shows, as colon-separated hex pairs.

    :raises PrinterError:
    """
    return run(fingerprint_of(endpoint), endpoint)


def wire_format(content: bytes, mimetype: str | None, supported: tuple[str, ...]) -> str:
    """Return the type under which a printer takes a document.

    :raises PrinterError: format, where it does not
    """
    kind = formats.sniff(content, mimetype)
    found = formats.choose(kind, supported)
    if found is None:
        raise PrinterError("format", kind)
    return found
