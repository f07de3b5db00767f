"""What can go wrong with a printer, as codes that the models turn into sentences."""

from __future__ import annotations

#: Nothing of the document has reached the printer, and the same click may work in a moment.
TRANSIENT = ("busy",)
#: The bytes were on their way when the connection broke: nobody knows whether the printer has them.
UNKNOWN = ("interrupted", "timeout")

CAUSES = (
    "address",  # the rules of :mod:`.address` forbid it; detail: their code
    "unresolved",  # no such host
    "unreachable",  # connection refused, no route
    "timeout",  # no answer in time
    "interrupted",  # the connection broke
    "tls",  # no encrypted connection
    "certificate",  # nobody vouches for the printer's certificate, or it is not the pinned one
    "not_authorized",  # user name and password missing, wrong or not enough
    "busy",
    "not_accepting",
    "format",  # detail: the type of the document
    "moved",  # the printer wants to send us elsewhere
    "not_ipp",  # whatever answers there, it is no printer
    "gone",  # the printer does not know the job, or there is no such queue
    "not_possible",  # the job is not in a state for that
    "unsupported",  # the printer does not know the operation
    "refused",  # anything else; detail: the status
)


class PrinterError(Exception):
    """A printer could not be asked, or it declined.

    :param cause: one of :data:`CAUSES`
    :param detail: a status, a type, a code; never content of a document
    """

    def __init__(self, cause: str, detail: str = "") -> None:
        assert cause in CAUSES, cause
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.cause} ({self.detail})" if self.detail else self.cause
