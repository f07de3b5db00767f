"""The control API: what tests and the demo ask of the printer, and what they let go wrong."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from .queues import FAULTS, STATES, Fault, Printer, Queue


class FaultBody(BaseModel):
    """What shall go wrong; see :data:`.queues.FAULTS`."""

    kind: str
    times: int = -1
    operation: str | None = None
    seconds: float = Field(default=0, ge=0, le=600)


class QueueBody(BaseModel):
    """What changes of a queue."""

    password: str | None = None
    pages_per_second: float | None = None
    formats: list[str] | None = None


def queue_of(printer: Printer, name: str) -> Queue:
    """Return a queue; 404 if there is none of this name."""
    if name not in printer.queues:
        raise HTTPException(404, "There is no such queue.")
    return printer.queues[name]


def router(printer: Printer) -> APIRouter:
    """Everything below ``/control``."""
    api = APIRouter(prefix="/control")

    @api.get("/jobs")
    async def jobs(queue: str | None = None) -> list[dict[str, Any]]:
        printer.advance()
        return [
            {
                "id": job.job_id,
                "queue": job.queue,
                "name": job.name,
                "user": job.user,
                "state": STATES[job.state],
                "attributes": job.attributes,
                "documents": [
                    {"format": mimetype, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                    for mimetype, content in job.documents
                ],
            }
            for job in printer.jobs.values()
            if queue in (None, job.queue)
        ]

    @api.get("/jobs/{job_id}/documents/{index}")
    async def document(job_id: int, index: int) -> Response:
        job = printer.jobs.get(job_id)
        if job is None or not 0 <= index < len(job.documents):
            raise HTTPException(404, "There is no such document.")
        mimetype, content = job.documents[index]
        return Response(content, headers={"content-type": mimetype, "cache-control": "no-store"})

    @api.get("/journal")
    async def journal() -> list[dict[str, object]]:
        return printer.journal

    @api.post("/queues/{name}/faults")
    async def add_fault(name: str, body: FaultBody) -> dict[str, str]:
        if body.kind not in FAULTS:
            raise HTTPException(422, f"There is no fault {body.kind}; there are {', '.join(FAULTS)}.")
        queue_of(printer, name).faults.append(Fault(**body.model_dump()))
        return {"state": "added"}

    @api.delete("/queues/{name}/faults")
    async def repair(name: str) -> dict[str, str]:
        queue_of(printer, name).faults.clear()
        return {"state": "repaired"}

    @api.patch("/queues/{name}")
    async def change(name: str, body: QueueBody) -> dict[str, str]:
        queue = queue_of(printer, name)
        for key, value in body.model_dump(exclude_unset=True).items():
            setattr(queue, key, tuple(value) if isinstance(value, list) else value)
        return {"state": "changed"}

    @api.post("/reset")
    async def reset() -> dict[str, str]:
        printer.reset()
        return {"state": "reset"}

    return api
