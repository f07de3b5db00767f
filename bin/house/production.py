"""``bin/backup`` and ``bin/restore``: the addons' commands, run with an installation's Odoo and configuration."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
from pathlib import Path

from . import REPO
from .errors import HouseError

_HELP = """{name}: {command} of the addon pii_retention, run by the Odoo of this machine.

Give Odoo's configuration file with -c (or name it in ODOO_RC). Odoo's Python is the one that ODOO_PYTHON names, else
that of the odoo program on the path, else this one. The options are:
"""


def _python() -> str:
    """The interpreter that Odoo runs with."""
    named = os.environ.get("ODOO_PYTHON")
    if named:
        return named
    program = shutil.which("odoo") or shutil.which("odoo-bin")
    if program:
        first = Path(program).read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
        if first.startswith("#!") and "env" not in first:
            return first[2:].split()[0]
    return sys.executable


def _addons_path(arguments: list[str]) -> str:
    """The addons path of the configuration file that is named, and this repository's folder."""
    config = os.environ.get("ODOO_RC", "")
    for index, argument in enumerate(arguments):
        if argument in ("-c", "--config") and index + 1 < len(arguments):
            config = arguments[index + 1]
        elif argument.startswith("--config="):
            config = argument.partition("=")[2]
    found = []
    if config:
        parser = configparser.RawConfigParser()
        if not parser.read([config]):
            raise HouseError(f"The configuration file {config} cannot be read.")
        found = [part.strip() for part in parser.get("options", "addons_path", fallback="").split(",") if part.strip()]
    own = str(REPO / "addons")
    return ",".join(found if own in found else [own, *found])


def main(command: str) -> int:
    """Become Odoo's ``command``; returns only if that is impossible."""
    arguments = sys.argv[1:]
    if arguments in (["-h"], ["--help"]):
        print(_HELP.format(name=Path(sys.argv[0]).name, command=command), flush=True)
    python = _python()
    line = [python, "-m", "odoo", f"--addons-path={_addons_path(arguments)}", command, *arguments]
    try:
        os.execvp(python, line)
    except OSError as error:
        raise HouseError(f"Odoo's Python {python} cannot be run: {error.strerror}.") from error
