"""Progress of long steps: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_WIDTH = 28


class Step:
    """One long step; use as a context manager and call :meth:`update` with a fraction between 0 and 1."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self._tty = sys.stdout.isatty()
        self._fraction = 0.0
        self._started = 0.0
        self._last = 0.0
        self._said = 0.0

    def __enter__(self) -> Step:
        self._started = self._last = time.monotonic()
        self._draw(force=True)
        return self

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def update(self, fraction: float, note: str = "") -> None:
        """Say how far the step is (never backwards) and, optionally, at what."""
        self._fraction = min(1.0, max(self._fraction, fraction))
        self.note = note or self.note
        self._draw()

    def _draw(self, force: bool = False) -> None:
        now = time.monotonic()
        if self._tty:
            if not force and now - self._last < 0.1:
                return
            self._last = now
            full = int(self._fraction * _WIDTH)
            bar = "█" * full + "·" * (_WIDTH - full)
            line = f"\r\x1b[2K{self.title:<34.34} {bar} {self._fraction:4.0%} {self.seconds:5.0f} s  {self.note:.30}"
            sys.stdout.write(line)
            sys.stdout.flush()
        elif not force and self._fraction - self._said >= 0.2 and now - self._last >= 2:
            self._last, self._said = now, self._fraction
            print(f"{self.title}: {self._fraction:.0%} after {self.seconds:.0f} s", flush=True)

    def __exit__(self, kind: type[BaseException] | None, _exc: BaseException | None, _tb: TracebackType | None) -> None:
        start = "\r\x1b[2K" if self._tty else ""
        end = "done in" if kind is None else "stopped after"
        print(f"{start}{self.title}: {end} {self.seconds:.1f} s", flush=True)


def say(text: str) -> None:
    """One line for the user."""
    print(text, flush=True)
