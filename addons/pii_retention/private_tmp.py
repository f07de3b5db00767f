"""A private temporary folder on a memory file system for rendered documents.

Odoo hands wkhtmltopdf its HTML through files in the temporary folder and deletes them afterwards; a process
that is killed in between leaves the buyer's address and a session cookie on disk. Here those files live in
memory, in a folder of this process that nobody else can read, and what a killed process left is swept when
the next one starts.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path

_logger = logging.getLogger(__name__)

PREFIX = "odoo-pii-"
MEMORY = Path("/dev/shm")


def _base() -> Path:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        return MEMORY
    return Path(tempfile.gettempdir())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sweep() -> int:
    """Delete the folders of processes that no longer run; return how many."""
    swept = 0
    for folder in _base().glob(f"{PREFIX}{os.getuid()}-*"):
        pid = folder.name.rsplit("-", 1)[-1]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def folder() -> str:
    """Return this process's folder (mode 0700), created on first use; a forked worker gets its own."""
    path = _base() / f"{PREFIX}{os.getuid()}-{os.getpid()}"
    if not path.is_dir():
        path.mkdir(mode=0o700)
        pid = os.getpid()
        # a forked child inherits the hook: it must not delete its parent's folder
        atexit.register(lambda: os.getpid() == pid and shutil.rmtree(path, ignore_errors=True))
    elif path.stat().st_uid != os.getuid() or path.is_symlink():
        raise PermissionError(f"{path} belongs to somebody else; remove it and start again.")
    return str(path)


class PrivateTempfile:
    """The part of :mod:`tempfile` that the report engine uses, with its files in :func:`folder`."""

    def __getattr__(self, name):
        return getattr(tempfile, name)

    @staticmethod
    def mkstemp(suffix=None, prefix=None, dir=None, text=False):
        return tempfile.mkstemp(suffix=suffix, prefix=prefix, dir=dir or folder(), text=text)

    @staticmethod
    def gettempdir():
        return folder()


def install() -> None:
    """Sweep leftovers and give the report engine the private folder; safe to call again."""
    from odoo.addons.base.models import ir_actions_report

    if not isinstance(ir_actions_report.tempfile, PrivateTempfile):
        ir_actions_report.tempfile = PrivateTempfile()
        swept = sweep()
        if swept:
            _logger.info("Swept %d temporary folders of processes that were killed while rendering", swept)
