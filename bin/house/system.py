"""Programs that come from the distribution: installed as root, otherwise asked for with the exact command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .cache import Cache
from .errors import HouseError
from .process import child_env, run, tail
from .progress import Step, say

PACKAGES = {
    "wkhtmltopdf": "wkhtmltopdf",
    "chromium": "chromium",
    "tesseract": "tesseract-ocr",
    "pdftotext": "poppler-utils",
    "initdb": "postgresql",
}
"""Program -> Debian package that brings it."""
_USED_FOR = {
    "wkhtmltopdf": "PDF documents",
    "chromium": "browser tests",
    "tesseract": "reading PDFs in the canary scan",
    "pdftotext": "reading PDFs in the canary scan",
    "initdb": "the database",
}
_CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.d/odoo-amazon.conf")


def present(program: str) -> bool:
    """Whether a program is on the machine (PostgreSQL's server programs live outside the path)."""
    if program == "initdb":
        return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return shutil.which(program) is not None


def ensure(cache: Cache, programs: tuple[str, ...], required: bool = False) -> list[str]:
    """Make the programs present if we may; returns those that are still missing, after saying how to get them.

    :raises HouseError: when ``required`` and one is missing, or when apt fails as root.
    """
    missing = [name for name in programs if not present(name)]
    if not missing:
        return []
    packages = sorted({PACKAGES[name] for name in missing})
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install(cache, packages)
        missing = [name for name in missing if not present(name)]
    if missing:
        uses = ", ".join(dict.fromkeys(_USED_FOR[name] for name in missing))
        text = f"{', '.join(missing)} missing (needed for {uses}); run as root: {command}"
        if required:
            raise HouseError(text)
        say(text)
    return missing


def _install(cache: Cache, packages: list[str]) -> None:
    log = cache.folder("log") / "apt.log"
    if "postgresql" in packages and not _CREATE_CLUSTER.exists():
        # the package would start a server of its own on port 5432, which nobody asked for
        _CREATE_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        _CREATE_CLUSTER.write_text("create_main_cluster = false\n")
    env = child_env({"DEBIAN_FRONTEND": "noninteractive"})
    done = 0
    with Step(f"Installing {', '.join(packages)}") as step:

        def listen(line: str) -> None:
            nonlocal done
            if line.startswith(("Get:", "Unpacking ", "Setting up ")):
                done += 1
                step.update(1 - 0.985**done, line.split()[1] if not line.startswith("Get:") else "")

        run(["apt-get", "-o", "Dpkg::Use-Pty=0", "update"], log, env)
        install = ["apt-get", "-o", "Dpkg::Use-Pty=0", "install", "-y", "--no-install-recommends", *packages]
        if run(install, log, env, on_line=listen):
            raise HouseError(f"apt-get could not install {' '.join(packages)}: {tail(log, 2)} [{log}]")
