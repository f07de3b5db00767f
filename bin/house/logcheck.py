"""No unexpected WARNING, ERROR or CRITICAL in any log that an Odoo process of the run wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .summary import lines_of

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (\w+) ")
_LOUD = {"WARNING", "ERROR", "CRITICAL"}


def bad_lines(run: Path, allowed: Path) -> Iterator[str]:
    """Yield ``file:number: line`` for each loud record that no regular expression allows.

    ``allowed`` holds one expression a line; a log may have a file ``<log>.allow`` beside it, written by the test that
    provokes the record.
    """
    common = [re.compile(line) for line in lines_of(allowed)]
    for log in sorted(run.rglob("*.log")):
        own = [re.compile(line) for line in lines_of(log.with_name(log.name + ".allow"))]
        with log.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                match = _RECORD.match(line)
                if match and match[1] in _LOUD and not any(rule.search(line) for rule in (*common, *own)):
                    yield f"{log}:{number}: {line.rstrip()[:400]}"
