"""One clear sentence for every way a run can end badly."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType


class HouseError(Exception):
    """Something the user can act on; its text is the sentence that is shown."""


class Stopped(BaseException):
    """A signal asked the run to end; everything that was started is stopped on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def _raise_stopped(signum: int, _frame: FrameType | None) -> None:
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stopping itself
    raise Stopped(signum)


def catch_signals() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into :class:`Stopped`, so that every ``finally`` runs."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _raise_stopped)


def _sentence(exc: BaseException) -> str:
    if isinstance(exc, HouseError):
        return str(exc)
    if isinstance(exc, OSError):
        where = f" ({exc.filename})" if exc.filename else ""
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"The disk is full{where}; free some space or point ODOO_AMAZON_CACHE at a larger disk."
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"No permission{where}; point ODOO_AMAZON_CACHE at a folder you may write to."
    text = " ".join(str(exc).split()) or type(exc).__name__
    return f"Unexpected {type(exc).__name__}: {text} (HOUSE_DEBUG=1 shows where)."


def guard(name: str, main: Callable[[], int | None]) -> int:
    """Run ``main`` and return the exit code: 0, its own, 1 with one sentence on stderr, or 128 + signal."""
    catch_signals()
    try:
        return main() or 0
    except (Stopped, KeyboardInterrupt) as exc:
        return 128 + getattr(exc, "signum", signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:
        if os.environ.get("HOUSE_DEBUG"):
            traceback.print_exc()
        sys.stdout.flush()
        print(f"{name}: {_sentence(exc)}", file=sys.stderr)
        return 1
