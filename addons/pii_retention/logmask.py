"""Keep revealed values out of every log record of the thread that holds them.

While a reveal is open, its values are registered here. A filter on the handlers masks them in the message,
the arguments, the traceback and the stack of each record that the same thread emits, whatever logger it
comes from. The values are also taken out of exceptions that leave a reveal, because whoever catches
those (Odoo's HTTP layer, a cron) logs them after the block has ended.
"""

from __future__ import annotations

import html
import json
import logging
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escape

from markupsafe import escape

MASK = "[sealed]"
#: Shorter values ("12", "A") would mask half of every log line and identify nobody by themselves.
MIN_LENGTH = 4

_state = threading.local()
_formatter = logging.Formatter()


def _registered() -> list[Values]:
    if not hasattr(_state, "values"):
        _state.values = []
    return _state.values


def _forms(line: str) -> set[str]:
    """Return ``line`` as it is and as the encodings on the way to a log write it."""
    forms = {line, line.replace("'", "''"), quote(line), quote_plus(line), json.dumps(line)[1:-1]}
    forms.update(function(line)[1:-1] for function in (repr, ascii))
    forms.add(repr(line.encode())[2:-1])
    for text in {xml_escape(line), html.escape(line), str(escape(line))}:
        forms.update((text, text.encode("ascii", "xmlcharrefreplace").decode()))
    if any(char.isdigit() for char in line):
        # a telephone number or an account number, as machines write it
        forms.add("".join(line.split()))
    return forms


class Values:
    """Texts to mask, found case-insensitively in each of their forms.

    A document for hundreds of persons registers thousands of them, most of which are never looked for: the index
    is built on the first look, and a look costs one dictionary access per character (one regular expression of
    all forms took seconds for each).
    """

    __slots__ = ("_index", "_texts", "notes")

    def __init__(self, texts: Iterable[str]):
        self._texts = frozenset(texts)
        #: What callers find out about texts while these values are registered, and forget with them.
        self.notes: dict[str, object] = {}
        self._index: dict[str, list[str]] | None = None

    def _forms_by_start(self) -> dict[str, list[str]]:
        if self._index is None:
            lines = {line.strip() for text in self._texts for line in (text, *text.splitlines())}
            forms = {_lower(form) for line in lines if len(line) >= MIN_LENGTH for form in _forms(line)}
            index: dict[str, list[str]] = {}
            for form in sorted(forms, key=len, reverse=True):
                if len(form) >= MIN_LENGTH:
                    index.setdefault(form[:MIN_LENGTH], []).append(form)
            self._index = index
        return self._index

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield ``(start, end)`` of each occurrence, from left to right, the longest form first."""
        index = self._forms_by_start()
        lowered = _lower(text)
        start = 0
        while start <= len(lowered) - MIN_LENGTH:
            end = start + 1
            for form in index.get(lowered[start : start + MIN_LENGTH], ()):
                stop = start + len(form)
                if lowered.startswith(form, start) and not _inside_number(form, lowered, start, stop):
                    yield start, stop
                    end = stop
                    break
            start = end

    def search(self, text: str) -> bool:
        """Tell whether ``text`` holds one of the values."""
        return any(True for _span in self.spans(text))

    def sub(self, replacement: str, text: str) -> str:
        """Return ``text`` with each occurrence replaced."""
        parts, done = [], 0
        for start, end in self.spans(text):
            parts += (text[done:start], replacement)
            done = end
        return "".join((*parts, text[done:])) if parts else text


def _lower(text: str) -> str:
    """Return ``text`` in lower case and of the same length: some letters become two."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _inside_number(form: str, text: str, start: int, stop: int) -> bool:
    """Tell whether ``form`` is a run of digits (a postcode) in the middle of a longer number."""
    return form.isdigit() and (text[start - 1 : start].isdigit() or text[stop : stop + 1].isdigit())


def compile_values(values: Iterable[str]) -> Values:
    """Return what :func:`push` takes: ``values`` in all forms that end up in a log.

    The forms: as it is, as ``repr`` and ``ascii`` print it, line by line, percent-encoded, as JSON, HTML and XML
    escape it, and without the spaces of a number.
    """
    return Values(values)


def push(values: Values) -> tuple[list[Values], Values]:
    """Mask ``values`` in this thread's records until :func:`pop` gets what this returns."""
    registered = _registered()
    registered.append(values)
    return registered, values


def pop(registration: tuple[list[Values], Values] | None = None) -> None:
    """End a :func:`push`, the innermost of this thread by default.

    With its registration it also ends from another thread: a generator that nobody finished is closed by the
    collector, wherever that runs.
    """
    registered, values = registration or (_registered(), None)
    for index in reversed(range(len(registered))):
        if values is None or registered[index] is values:
            del registered[index]
            return


def notes() -> dict[str, object]:
    """Return the notes of the innermost registration of this thread; of nobody when there is none."""
    registered = _registered()
    return registered[-1].notes if registered else {}


def is_active() -> bool:
    """Tell whether this thread has values to mask."""
    return bool(getattr(_state, "values", None))


def mask(text: str) -> str:
    """Return ``text`` without the values registered in this thread."""
    for values in _registered():
        text = values.sub(MASK, text)
    return text


def contains(text: str) -> bool:
    """Tell whether ``text`` holds a value registered in this thread."""
    return any(values.search(text) for values in _registered())


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


def scrub_exception(exception: BaseException | None) -> BaseException | None:
    """Mask what ``exception`` and everything it was raised from carry, in place.

    :return: what to raise: ``exception``, or a copy of an exception group whose message cannot be changed
    """
    seen: set[int] = set()
    pending = [exception]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        try:
            current.args = tuple(_scrubbed(arg) for arg in current.args)
        except (AttributeError, TypeError):
            pass
        _scrub_attributes(current)
        pending.extend((current.__cause__, current.__context__, *getattr(current, "exceptions", ())))
        for name in ("__cause__", "__context__"):
            masked = _masked_group(getattr(current, name))
            if masked is not getattr(current, name):
                suppressed = current.__suppress_context__
                setattr(current, name, masked)
                current.__suppress_context__ = suppressed
    return _masked_group(exception)


#: Where exceptions of Python keep a text outside of their dictionary, and print it from.
_MEMBERS = ("filename", "filename2", "strerror", "text", "msg", "object", "reason", "value", "code", "name", "path")


def _scrub_attributes(holder) -> None:
    members = [(name, getattr(holder, name)) for name in _MEMBERS if isinstance(getattr(holder, name, None), str)]
    for name, value in [*getattr(holder, "__dict__", {}).items(), *members]:
        try:
            setattr(holder, name, _scrubbed(value))
        except (AttributeError, TypeError):
            pass


def _masked_group(exception: BaseException | None) -> BaseException | None:
    """Return ``exception``, or one with a masked message in place of a group: a group's cannot be changed."""
    if not isinstance(exception, BaseExceptionGroup):
        return exception
    inside = [_masked_group(item) for item in exception.exceptions]
    if not contains(exception.message) and all(
        new is old for new, old in zip(inside, exception.exceptions, strict=True)
    ):
        return exception
    group = BaseExceptionGroup(mask(exception.message), inside).with_traceback(exception.__traceback__)
    group.__cause__, group.__context__ = exception.__cause__, exception.__context__
    group.__suppress_context__ = exception.__suppress_context__
    if notes := getattr(exception, "__notes__", None):
        group.__notes__ = notes
    return group


def _scrubbed(value):
    """Return ``value`` masked; an object that prints a value becomes its masked text."""
    if value is None or isinstance(value, (bool, int, float, type)):
        return value
    masked = mask_object(value)
    try:
        # QWeb, for one, keeps the story of its error in an object of its own
        return mask(str(masked)) if contains(str(masked)) else masked
    except Exception:  # an object that cannot be printed cannot be logged either
        return masked


#: Loggers that say, at level DEBUG, with which arguments a browser called a method: number of their argument that
#: holds them. What a person types there (an address, a file) is in no reveal yet, and is sealed only by the method.
_CALLS = {"odoo.service.model": 2}


def _without_arguments(record: logging.LogRecord) -> None:
    place = _CALLS.get(record.name)
    if place is not None and isinstance(record.args, tuple) and len(record.args) > place:
        record.args = (*record.args[:place], MASK, *record.args[place + 1 :])


class RevealFilter(logging.Filter):
    """Mask registered values in each record; costs two look-ups when no reveal is open."""

    def filter(self, record: logging.LogRecord) -> bool:
        _without_arguments(record)
        if not is_active():
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
