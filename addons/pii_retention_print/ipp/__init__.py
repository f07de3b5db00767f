"""Talking to printers over IPP. No Odoo in here."""

from .address import Address, AddressError, check, parse
from .client import (
    Endpoint,
    JobStatus,
    PrinterInfo,
    Queue,
    attributes,
    cancel,
    certificate,
    job_status,
    open_job,
    queues,
    send,
)
from .errors import PrinterError
from .formats import choose, sniff

__all__ = [
    "Address",
    "AddressError",
    "Endpoint",
    "JobStatus",
    "PrinterError",
    "PrinterInfo",
    "Queue",
    "attributes",
    "cancel",
    "certificate",
    "check",
    "choose",
    "job_status",
    "open_job",
    "parse",
    "queues",
    "send",
    "sniff",
]
