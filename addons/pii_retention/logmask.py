"""Keep revealed values out of every log record of the thread that holds them.

While a reveal is open, its values are registered here. A filter on the handlers masks them in the message,
the arguments, the traceback and the stack of each record that the same thread emits, whatever logger it
comes from. The values are also taken out of exceptions that leave a reveal, because whoever catches
those (Odoo's HTTP layer, a cron) logs them after the block has ended.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable

MASK = "[sealed]"
#: Shorter values ("12", "A") would mask half of every log line and identify nobody by themselves.
MIN_LENGTH = 4

_state = threading.local()
_formatter = logging.Formatter()


def _patterns() -> list[re.Pattern]:
    if not hasattr(_state, "patterns"):
        _state.patterns = []
    return _state.patterns


def compile_values(values: Iterable[str]) -> re.Pattern | None:
    """Return one case-insensitive pattern matching each of ``values`` in the forms that end up in a log.

    The forms: as it is, as ``repr`` and ``ascii`` print it, line by line, and percent-encoded.
    """
    from urllib.parse import quote, quote_plus

    forms: set[str] = set()
    for value in values:
        for line in {value, *value.splitlines()}:
            line = line.strip()
            if len(line) < MIN_LENGTH:
                continue
            forms.update(
                (line, repr(line)[1:-1], ascii(line)[1:-1], line.replace("'", "''"), quote(line), quote_plus(line))
            )
    if not forms:
        return None
    alternatives = sorted(forms, key=len, reverse=True)
    # a run of digits (a postcode) must not mask the middle of a longer number
    return re.compile(
        "|".join(rf"(?<!\d){re.escape(form)}(?!\d)" if form.isdigit() else re.escape(form) for form in alternatives),
        re.IGNORECASE,
    )


def push(pattern: re.Pattern | None) -> None:
    """Mask what ``pattern`` matches in this thread's records until the matching :func:`pop`."""
    _patterns().append(pattern or re.compile(r"(?!)"))


def pop() -> None:
    """End the innermost :func:`push` of this thread."""
    _patterns().pop()


def mask(text: str) -> str:
    """Return ``text`` without the values registered in this thread."""
    for pattern in _patterns():
        text = pattern.sub(MASK, text)
    return text


def contains(text: str) -> bool:
    """Tell whether ``text`` holds a value registered in this thread."""
    return any(pattern.search(text) for pattern in _patterns())


def mask_object(value):
    """Return ``value`` with registered text masked; containers are copied, other objects pass unchanged."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        # a value hidden in bytes is masked as a whole: a blob cut in the middle helps nobody
        return MASK.encode() if contains(bytes(value).decode("utf-8", "replace")) else value
    if isinstance(value, dict):
        return {mask_object(key): mask_object(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(mask_object(item) for item in value) if type(value) in _CONTAINERS else value
    return value


_CONTAINERS = (list, tuple, set, frozenset)


def scrub_exception(exception: BaseException | None) -> None:
    """Mask the arguments of ``exception`` and of everything it was raised from, in place."""
    seen: set[int] = set()
    pending = [exception]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        try:
            current.args = mask_object(tuple(current.args))
        except (AttributeError, TypeError):
            pass
        for name, value in list(getattr(current, "__dict__", {}).items()):
            if isinstance(value, (str, dict, list, tuple)):
                try:
                    setattr(current, name, mask_object(value))
                except AttributeError:
                    pass
        pending.extend((current.__cause__, current.__context__))


class RevealFilter(logging.Filter):
    """Mask registered values in each record; costs one attribute lookup when no reveal is open."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(_state, "patterns", None):
            return True
        try:
            message = record.getMessage()
        except Exception:  # a broken log call must not print its raw arguments through the error handler
            message = str(record.msg)
        record.msg, record.args = mask(message), None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = mask(_formatter.formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = mask(record.exc_text)
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
        return True


_filter = RevealFilter()
_original_handle = logging.Handler.handle


def _handle(self, record):
    # Handler.handle runs for every handler of every logger, also those added after this module was loaded
    _filter.filter(record)
    return _original_handle(self, record)


def install() -> None:
    """Put the filter in front of every handler of the process; safe to call again."""
    if logging.Handler.handle is not _handle:
        logging.Handler.handle = _handle
