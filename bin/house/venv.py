"""The virtual environment with everything that Odoo, the addons, the sandbox and the tests import."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import REPO
from .apt import Apt, unpack
from .cache import Cache, remove
from .errors import HouseError
from .odoo import Odoo
from .process import child_env, run, tail
from .progress import Step, say

_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-oca.txt")
_MARKER, _PTH = "complete", "odoo_home.pth"
_KEEP_SECONDS = 7 * 86400
"""How long a venv of older requirements stays: another checkout may still use it."""


def ensure(cache: Cache, odoo: Odoo) -> Path:
    """The venv's Python, built when the requirements, this Python or Odoo changed.

    Its marker is written last and removed first: a folder with one is whole. Whoever builds or deletes a folder holds
    its lock, whatever other lock the caller has.

    :raises HouseError: without network or disk space, or when a requirement cannot be installed.
    """
    digest = hashlib.sha256(f"{sys.version}|{os.path.realpath(sys.executable)}|{odoo.dist}".encode())
    for name in _REQUIREMENTS:
        digest.update((REPO / name).read_bytes())
    folder = cache.folder("venv")
    target = folder / digest.hexdigest()[:12]
    python, marker = target / "bin" / "python", target / _MARKER
    with cache.lock(f"venv-{target.name}"):
        if _is_whole(target, odoo):
            say("The Python environment is there already")
            marker.touch()
            return python
        cache.need_space(1.5)
        _clear(target)
        _tidy(cache, folder, target)
        _build(cache, target)
        # a folder of *.pth makes both Python and pip see Odoo, without installing it
        site = next((target / "lib").glob("python3*/site-packages"))
        (site / _PTH).write_text(f"{odoo.dist}\n")
        half = target / f"{_MARKER}.half"
        half.write_text(f"Python {sys.version.split()[0]}, Odoo {odoo.version}\n")
        half.rename(marker)
    return python


def other_addons(python: Path) -> Path:
    """Where the venv of this interpreter keeps addons that pip installed; the folder may be missing."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return python.parent.parent / "lib" / version / "site-packages" / "odoo" / "addons"


def _is_whole(target: Path, odoo: Odoo) -> bool:
    """Whether the folder was finished and still holds what it was finished with (a copy may have been cut short)."""
    if not (target / _MARKER).is_file() or not (target / "bin" / "python").exists():
        return False
    paths = list((target / "lib").glob(f"python3*/site-packages/{_PTH}"))
    return bool(paths) and paths[0].read_text().strip() == str(odoo.dist)


def _clear(target: Path) -> None:
    """Delete a venv, whatever is left of it: first the marker, so that a killed deletion leaves no whole one."""
    if target.is_dir():
        (target / _MARKER).unlink(missing_ok=True)
    remove(target)


def _tidy(cache: Cache, folder: Path, mine: Path) -> None:
    """Delete unfinished venvs that nobody is building, and those that nobody has used for long."""
    for other in folder.iterdir():
        done = other / _MARKER
        if other == mine or (done.exists() and time.time() - done.stat().st_mtime <= _KEEP_SECONDS):
            continue
        with contextlib.suppress(HouseError), cache.lock(f"venv-{other.name}", wait=False):
            _clear(other)


def _build(cache: Cache, target: Path) -> None:
    log = cache.folder("log") / "venv.log"
    total = sum(
        1 for name in _REQUIREMENTS for line in (REPO / name).read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)
    )
    with Step("Building the Python environment") as step:
        pip = _bare_venv(cache, target, log)
        seen = 0
        said: list[str] = []

        def listen(line: str) -> None:
            nonlocal seen
            said.append(line)
            if line.startswith("Collecting "):
                seen += 1
                step.update(0.05 + 0.6 * min(1.0, seen / total), line.split()[1])
            elif line.startswith("Installing collected"):
                step.update(0.7, "installing")

        install = ["install", "--disable-pip-version-check", "--no-input", "-r", REPO / "requirements-dev.txt"]
        # what addons of others need beyond Odoo is in the requirements already; pip would look for Odoo itself
        others = ["install", "--disable-pip-version-check", "--no-input", "--no-deps", "-r", REPO / _REQUIREMENTS[2]]
        for arguments in (install, others):
            if run([*pip, *arguments], log, child_env(), on_line=listen):
                remove(target)
                _fail("\n".join(said), log)
        step.update(1.0)


def _bare_venv(cache: Cache, target: Path, log: Path) -> list[str | Path]:
    """Make an empty venv and return the command that is its pip.

    Debian splits ``ensurepip`` off into a package of its own; without it pip runs from the wheel in the package.
    """
    probe = subprocess.run([sys.executable, "-I", "-c", "import ensurepip"], capture_output=True, check=False)
    if probe.returncode == 0:
        if run([sys.executable, "-I", "-m", "venv", target], log, child_env()) == 0:
            return [target / "bin" / "python", "-P", "-m", "pip"]
        remove(target)
    if run([sys.executable, "-I", "-m", "venv", "--without-pip", target], log, child_env()):
        raise HouseError(f"{sys.executable} cannot make a virtual environment: {tail(log)} [{log}]")
    wheels = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl")) or _fetch_pip(cache)
    # pip looks for its own certificates beside the wheel's files, which a zip has not: it has to be unpacked
    unpacked = target / "share" / "pip-wheel"
    shutil.unpack_archive(wheels[-1], unpacked, "zip")
    return [target / "bin" / "python", unpacked / "pip"]


def _fetch_pip(cache: Cache) -> list[Path]:
    apt = Apt(cache)
    apt.update()
    folder = cache.folder("pip-wheel")
    for deb in apt.download([f"python3-pip-whl/{apt.suite}"], folder / "debs"):
        unpack(deb, folder)
    found = sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))
    if not found:
        raise HouseError("pip is missing on this machine; run: apt-get install python3-venv")
    return found


def _fail(text: str, log: Path) -> None:
    if "No space left" in text:
        raise HouseError("The disk is full; free some space or set ODOO_AMAZON_CACHE to a folder on a larger disk.")
    if re.search(r"NewConnectionError|name resolution|Network is unreachable|ConnectTimeout|Max retries", text):
        raise HouseError("The Python package index cannot be reached (no network?); run this again with a network.")
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    raise HouseError(f"pip could not install the requirements: {errors[-1] if errors else tail(log)} [{log}]")
