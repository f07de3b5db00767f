"""The printer's state: queues, their jobs, and what is wrong with them at the moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

PENDING, HELD, PROCESSING, STOPPED, CANCELLED, ABORTED, COMPLETED = range(3, 10)
STATES = {
    PENDING: "pending",
    HELD: "pending-held",
    PROCESSING: "processing",
    STOPPED: "processing-stopped",
    CANCELLED: "canceled",
    ABORTED: "aborted",
    COMPLETED: "completed",
}
IDLE, PRINTING, HALTED = 3, 4, 5

PDF, ZPL, RAW, PNG, TEXT = (
    "application/pdf",
    "application/vnd.zebra-zpl",
    "application/octet-stream",
    "image/png",
    "text/plain",
)

#: What can be wrong: ``busy``, ``not-accepting``, ``not-authorized``, ``internal`` answer so; ``reset`` breaks the
#: connection before an answer, ``reset-after`` takes the document and then does; ``slow`` waits ``seconds``;
#: ``garbage`` answers no IPP; ``redirect`` sends elsewhere; ``paper`` lets jobs stop for want of paper; ``abort`` ends
#: them; ``forget`` drops finished jobs at once; ``no-create`` knows Print-Job only, ``v1`` no IPP/2.0.
FAULTS = (
    *("busy", "not-accepting", "not-authorized", "internal", "reset", "reset-after", "slow", "garbage"),
    *("redirect", "paper", "abort", "forget", "no-create", "v1"),
)


@dataclass
class Job:
    """One job with the bytes it got, in memory."""

    job_id: int
    queue: str
    name: str
    user: str
    created: float
    state: int = PENDING
    documents: list[tuple[str, bytes]] = field(default_factory=list)
    closed: bool = False
    attributes: dict[str, object] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Neither cancelled nor aborted nor completed."""
        return self.state < CANCELLED


@dataclass
class Fault:
    """Something that is wrong with a queue, for ``times`` requests (-1: until it is repaired)."""

    kind: str
    times: int = -1
    operation: str | None = None
    seconds: float = 0.0


@dataclass
class Queue:
    """One queue of the printer."""

    name: str
    info: str
    formats: tuple[str, ...]
    media: tuple[str, ...]
    model: str = "Sandbox Printer"
    location: str = "Packing table"
    password: str | None = None
    pages_per_second: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def fault(self, operation: str, *kinds: str) -> Fault | None:
        """Return the first fault of these kinds that concerns the operation, and count it down."""
        for fault in self.faults:
            if fault.kind in kinds and fault.operation in (None, operation) and fault.times:
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None

    def has(self, kind: str) -> bool:
        """Is this wrong at the moment?"""
        return any(fault.kind == kind and fault.times for fault in self.faults)


class Printer:
    """All queues and jobs."""

    def __init__(self, queues: list[Queue]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self.jobs: dict[int, Job] = {}
        self.journal: list[dict[str, object]] = []
        self.started = time.monotonic()

    def reset(self) -> None:
        """Forget jobs, faults and the journal; job ids go on."""
        self._next = self.next_id()
        self.jobs.clear()
        self.journal.clear()
        for queue in self.queues.values():
            queue.faults.clear()

    _next = 1

    def next_id(self) -> int:
        """The id that the next job gets."""
        return max([self._next, *(job_id + 1 for job_id in self.jobs)])

    def new_job(self, queue: Queue, name: str, user: str, attributes: dict[str, object]) -> Job:
        """Open a job."""
        job = Job(self.next_id(), queue.name, name, user, time.monotonic(), attributes=attributes)
        self.jobs[job.job_id] = job
        self._next = job.job_id + 1
        return job

    def advance(self) -> None:
        """Let time pass: closed jobs print, stop, end."""
        for job in list(self.jobs.values()):
            queue = self.queues[job.queue]
            if not job.active or not job.closed:
                continue
            if queue.has("abort"):
                job.state = ABORTED
            elif queue.has("paper"):
                job.state = STOPPED
            elif time.monotonic() - job.created < queue.pages_per_second * len(job.documents):
                job.state = PROCESSING
            else:
                job.state = COMPLETED
            if queue.has("forget") and not job.active:
                del self.jobs[job.job_id]

    def state_of(self, queue: Queue) -> tuple[int, list[str]]:
        """Return the queue's printer-state and its reasons."""
        if queue.has("paper"):
            return HALTED, ["media-empty-error"]
        if queue.has("not-accepting"):
            return HALTED, ["paused"]
        busy = any(job.queue == queue.name and job.active and job.closed for job in self.jobs.values())
        return (PRINTING if busy else IDLE), ["none"]


def default_queues() -> list[Queue]:
    """An office printer and a label printer."""
    return [
        Queue("office", "Office printer", (PDF, PNG, TEXT, RAW), ("iso_a4_210x297mm", "iso_a5_148x210mm")),
        Queue("labels", "Label printer", (ZPL, RAW), ("oe_4x6-label_4x6in",), model="Sandbox Zebra"),
    ]
