"""A line for every request that reached the sandbox, so that a test can count calls and read bodies.

Secrets are replaced by ``[redacted 1a2b3c4d]``: the first digits of a digest, so that two uses of one secret can
be told from two secrets. Answers are not kept.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from . import jsontext
from .accounts import digest
from .clock import iso
from .db import Database

SECRET_HEADERS = {"x-amz-access-token", "authorization", "cookie", "x-control-token"}
SECRET_FIELDS = {"client_secret", "refresh_token", "code", "access_token", "spapi_oauth_code"}
_JSON_SECRET = re.compile(r'("(?:' + "|".join(sorted(SECRET_FIELDS)) + r')"\s*:\s*)"([^"]*)"')


def _redacted(secret: str) -> str:
    return f"[redacted {digest(secret)[:8]}]" if secret else ""


def redact_headers(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Header name (lower case) to value, secrets replaced."""
    return {name: _redacted(value) if name in SECRET_HEADERS else value for name, value in headers}


def redact_form(text: str) -> str:
    """A query string or form body with its secret fields replaced."""
    if not any(field in text for field in SECRET_FIELDS):
        return text
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode([(key, _redacted(value) if key in SECRET_FIELDS else value) for key, value in pairs])


def redact_body(body: bytes, content_type: str) -> str:
    """A request body as text, secrets replaced; bytes that are no UTF-8 are shown as U+FFFD."""
    text = body.decode("utf-8", "replace")
    if "x-www-form-urlencoded" in content_type:
        return redact_form(text)
    return _JSON_SECRET.sub(lambda found: f'{found[1]}"{_redacted(found[2])}"', text)


class Journal:
    """The `journal` table."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def write(
        self,
        at: int,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        status: int,
        request_id: str,
        operation: str | None,
        seller: str | None,
        fault: str | None,
    ) -> None:
        """One request; `status` 0 means that it got no answer (time-out, reset)."""
        content_type = dict(headers).get("content-type", "")
        self.db.execute(
            "INSERT INTO journal "
            "(at, method, path, query, headers, body, status, request_id, operation, seller, fault) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            at,
            method,
            path,
            redact_form(query),
            jsontext.dumps(redact_headers(headers)),
            redact_body(body, content_type),
            status,
            request_id,
            operation,
            seller,
            fault,
        )

    def read(self, operation: str | None = None, since: int = 0, since_id: int = 0) -> list[dict[str, Any]]:
        """The requests of one operation (or all) from an instant (ms) on, or after a journal id, oldest first."""
        rows = self.db.rows(
            "SELECT * FROM journal WHERE (?1 IS NULL OR operation = ?1) AND at >= ?2 AND id > ?3 ORDER BY id",
            operation,
            since,
            since_id,
        )
        return [
            {
                "id": row["id"],
                "at": iso(row["at"]),
                "method": row["method"],
                "path": row["path"],
                "query": row["query"],
                "headers": jsontext.loads(row["headers"]),
                "body": row["body"],
                "status": row["status"],
                "requestId": row["request_id"],
                "operation": row["operation"],
                "seller": row["seller"],
                "fault": row["fault"],
            }
            for row in rows
        ]

    def counts(self) -> dict[str, int]:
        """How often each operation was called; requests for unknown paths are under "unknown"."""
        rows = self.db.rows("SELECT COALESCE(operation, 'unknown') AS name, COUNT(*) AS n FROM journal GROUP BY 1")
        return {row["name"]: row["n"] for row in rows}

    def clear(self) -> None:
        """Forget every request."""
        self.db.execute("DELETE FROM journal")
