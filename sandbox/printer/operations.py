"""IPP operations (RFC 8011 and CUPS-Get-Printers) on :class:`.queues.Printer`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import queues, wire
from .queues import Job, Printer, Queue
from .wire import Attributes, Message

OK = 0x0000
BAD_REQUEST, NOT_AUTHENTICATED, NOT_AUTHORIZED, NOT_POSSIBLE = 0x0400, 0x0402, 0x0403, 0x0404
NOT_FOUND, FORMAT_NOT_SUPPORTED = 0x0406, 0x040A
INTERNAL, OPERATION_NOT_SUPPORTED, VERSION_NOT_SUPPORTED = 0x0500, 0x0501, 0x0503
NOT_ACCEPTING, BUSY = 0x0506, 0x0507

NAMES = {
    0x0002: "Print-Job",
    0x0004: "Validate-Job",
    0x0005: "Create-Job",
    0x0006: "Send-Document",
    0x0008: "Cancel-Job",
    0x0009: "Get-Job-Attributes",
    0x000A: "Get-Jobs",
    0x000B: "Get-Printer-Attributes",
    0x4002: "CUPS-Get-Printers",
}
_NEW_WORK = ("Print-Job", "Validate-Job", "Create-Job")
_FAULT_STATUS = {"busy": BUSY, "not-accepting": NOT_ACCEPTING, "not-authorized": NOT_AUTHORIZED, "internal": INTERNAL}


class Refused(Exception):
    """The operation ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class Operations:
    """Answers requests; ``base`` is the printer's own address, such as ``ipp://127.0.0.1:6310``."""

    def __init__(self, printer: Printer, base: str) -> None:
        self.printer = printer
        self.base = base
        self._handlers: dict[str, Callable[[Queue, Message], list[tuple[int, Attributes]]]] = {
            "Print-Job": self._print_job,
            "Validate-Job": self._validate_job,
            "Create-Job": self._create_job,
            "Send-Document": self._send_document,
            "Cancel-Job": self._cancel_job,
            "Get-Job-Attributes": self._get_job_attributes,
            "Get-Jobs": self._get_jobs,
            "Get-Printer-Attributes": lambda queue, _request: [(wire.PRINTER, self._printer_attributes(queue))],
        }

    def answer(self, request: Message, queue: Queue | None) -> Message:
        """Carry out one request to a queue, or to the server when ``queue`` is None."""
        self.printer.advance()
        groups: list[tuple[int, Attributes]] = []
        try:
            status = OK
            groups = self._carry_out(request, queue)
        except Refused as refused:
            status = refused.status
        self.printer.advance()
        head: Attributes = {
            "attributes-charset": (wire.CHARSET, ["utf-8"]),
            "attributes-natural-language": (wire.LANGUAGE, ["en"]),
        }
        return Message(request.version, status, request.request_id, [(wire.OPERATION, head), *groups])

    def _carry_out(self, request: Message, queue: Queue | None) -> list[tuple[int, Attributes]]:
        name = NAMES.get(request.code)
        self._check_head(request)
        if name == "CUPS-Get-Printers":
            found = [self._printer_attributes(each) for each in self.printer.queues.values()]
            return [(wire.PRINTER, _only(attributes, request)) for attributes in found]
        if queue is None:
            raise Refused(NOT_FOUND)
        if request.version[0] not in (1, 2) or (queue.has("v1") and request.version[0] != 1):
            raise Refused(VERSION_NOT_SUPPORTED)
        if name is None or (name in ("Create-Job", "Send-Document") and queue.has("no-create")):
            raise Refused(OPERATION_NOT_SUPPORTED)
        # a busy or closed printer still says how it is
        concerned = ("internal", "not-authorized") + (("busy", "not-accepting") if name in _NEW_WORK else ())
        if fault := queue.fault(name, *concerned):
            raise Refused(_FAULT_STATUS[fault.kind])
        groups = self._handlers[name](queue, request)
        if name == "Get-Printer-Attributes":
            groups = [(tag, _only(attributes, request)) for tag, attributes in groups]
        return groups

    @staticmethod
    def _check_head(request: Message) -> None:
        """RFC 8011 4.1.4: charset and language come first, then the target."""
        if not request.groups or request.groups[0][0] != wire.OPERATION or request.request_id < 1:
            raise Refused(BAD_REQUEST)
        names = list(request.groups[0][1])
        if names[:2] != ["attributes-charset", "attributes-natural-language"]:
            raise Refused(BAD_REQUEST)
        if "job-id" in names and names[2:4] != ["printer-uri", "job-id"]:
            raise Refused(BAD_REQUEST)
        if request.value("attributes-charset") not in ("utf-8", "us-ascii"):
            raise Refused(0x040D)

    # === JOBS === #

    def _job(self, queue: Queue, request: Message) -> Job:
        job = self.printer.jobs.get(request.value("job-id", 0))
        if job is None or job.queue != queue.name:
            raise Refused(NOT_FOUND)
        return job

    def _check_format(self, queue: Queue, request: Message) -> str:
        mimetype = request.value("document-format", queue.formats[0])
        if mimetype not in queue.formats:
            raise Refused(FORMAT_NOT_SUPPORTED)
        return str(mimetype)

    def _validate_job(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        self._check_format(queue, request)
        return []

    def _create_job(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        wanted = {name: values[0] for name, (_tag, values) in request.group(wire.JOB).items()}
        media = wanted.get("media")
        if media and media not in queue.media and request.value("ipp-attribute-fidelity", False):
            raise Refused(0x040B)
        job = self.printer.new_job(
            queue, request.value("job-name", "Untitled"), request.value("requesting-user-name", "anonymous"), wanted
        )
        return [(wire.JOB, self._job_attributes(job))]

    def _send_document(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        mimetype = self._check_format(queue, request)
        job = self._job(queue, request)
        if job.closed or not job.active:
            raise Refused(NOT_POSSIBLE)
        if request.data:
            job.documents.append((mimetype, request.data))
        job.closed = bool(request.value("last-document", False))
        return [(wire.JOB, self._job_attributes(job))]

    def _print_job(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        mimetype = self._check_format(queue, request)
        self._create_job(queue, request)
        job = self.printer.jobs[self.printer.next_id() - 1]
        job.documents.append((mimetype, request.data))
        job.closed = True
        return [(wire.JOB, self._job_attributes(job))]

    def _cancel_job(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        job = self._job(queue, request)
        if not job.active:
            raise Refused(NOT_POSSIBLE)
        job.state = queues.CANCELLED
        return []

    def _get_job_attributes(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        return [(wire.JOB, self._job_attributes(self._job(queue, request)))]

    def _get_jobs(self, queue: Queue, request: Message) -> list[tuple[int, Attributes]]:
        finished = request.value("which-jobs", "not-completed") == "completed"
        jobs = [job for job in self.printer.jobs.values() if job.queue == queue.name and job.active != finished]
        return [(wire.JOB, self._job_attributes(job)) for job in jobs]

    # === ATTRIBUTES === #

    def _job_attributes(self, job: Job) -> Attributes:
        reasons = {
            queues.STOPPED: ["printer-stopped"],
            queues.CANCELLED: ["job-canceled-by-user"],
            queues.ABORTED: ["aborted-by-system"],
            queues.COMPLETED: ["job-completed-successfully"],
        }.get(job.state, ["none"] if job.closed else ["job-incoming"])
        return {
            "job-uri": (wire.URI, [f"{self.base}/jobs/{job.job_id}"]),
            "job-id": (wire.INTEGER, [job.job_id]),
            "job-state": (wire.ENUM, [job.state]),
            "job-state-reasons": (wire.KEYWORD, reasons),
            "job-name": (wire.NAME, [job.name]),
            "job-originating-user-name": (wire.NAME, [job.user]),
            "job-printer-uri": (wire.URI, [f"{self.base}/printers/{job.queue}"]),
            "number-of-documents": (wire.INTEGER, [len(job.documents)]),
            "job-impressions-completed": (wire.INTEGER, [len(job.documents) if job.state == queues.COMPLETED else 0]),
        }

    def _printer_attributes(self, queue: Queue) -> Attributes:
        state, reasons = self.printer.state_of(queue)
        waiting = [job for job in self.printer.jobs.values() if job.queue == queue.name and job.active]
        operations: list[Any] = [code for code in NAMES if not (queue.has("no-create") and code in (0x0005, 0x0006))]
        return {
            "printer-uri-supported": (wire.URI, [f"{self.base}/printers/{queue.name}"]),
            "uri-security-supported": (wire.KEYWORD, ["none"]),
            "uri-authentication-supported": (wire.KEYWORD, ["basic" if queue.password else "none"]),
            "printer-name": (wire.NAME, [queue.name]),
            "printer-info": (wire.TEXT, [queue.info]),
            "printer-location": (wire.TEXT, [queue.location]),
            "printer-make-and-model": (wire.TEXT, [queue.model]),
            "printer-state": (wire.ENUM, [state]),
            "printer-state-reasons": (wire.KEYWORD, reasons),
            "printer-is-accepting-jobs": (wire.BOOLEAN, [not queue.has("not-accepting")]),
            "printer-up-time": (wire.INTEGER, [int(time.monotonic() - self.printer.started) + 1]),
            "queued-job-count": (wire.INTEGER, [len(waiting)]),
            "ipp-versions-supported": (wire.KEYWORD, ["1.1"] if queue.has("v1") else ["1.1", "2.0"]),
            "operations-supported": (wire.ENUM, operations),
            "charset-configured": (wire.CHARSET, ["utf-8"]),
            "charset-supported": (wire.CHARSET, ["us-ascii", "utf-8"]),
            "natural-language-configured": (wire.LANGUAGE, ["en"]),
            "generated-natural-language-supported": (wire.LANGUAGE, ["en"]),
            "compression-supported": (wire.KEYWORD, ["none"]),
            "document-format-default": (wire.MIME, [queue.formats[0]]),
            "document-format-supported": (wire.MIME, list(queue.formats)),
            "media-default": (wire.KEYWORD, [queue.media[0]]),
            "media-supported": (wire.KEYWORD, list(queue.media)),
            "multiple-document-jobs-supported": (wire.BOOLEAN, [False]),
        }


def _only(attributes: Attributes, request: Message) -> Attributes:
    wanted = set(request.values("requested-attributes"))
    if not wanted or wanted & {"all", "printer-description"}:
        return attributes
    return {name: found for name, found in attributes.items() if name in wanted}
