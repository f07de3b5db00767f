"""``.ci/run``: the linters, then every ring of tests, on a machine with nothing prepared."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from . import REPO, lint, setting_up
from .cache import Cache
from .process import child_env
from .progress import say


def _tool(title: str, command: list[str | Path]) -> bool:
    done = subprocess.run([str(part) for part in command], cwd=REPO, env=child_env(), capture_output=True, text=True)
    return _verdict(title, [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines() or ["failed"])


def _verdict(title: str, complaints: Iterable[str]) -> bool:
    lines = list(complaints)
    say(f"{title}: {'ok' if not lines else f'{len(lines)} lines of complaint'}")
    for line in lines:
        say(f"  {line}")
    return not lines


def main() -> int:
    """Entry point; returns 1 when a linter or a test complained."""
    found = setting_up.base(Cache())
    python = found.python
    site = next((python.parent.parent / "lib").glob("python3*/site-packages"))
    addons = [path.parent for path in sorted((REPO / "addons").glob("*/__manifest__.py"))]
    verdicts = [
        _tool("ruff check", [python, "-P", "-m", "ruff", "check", "--no-cache", "--output-format=concise", "."]),
        _tool("ruff format", [python, "-P", "-m", "ruff", "format", "--no-cache", "--check", "."]),
        _tool("pylint for Odoo", [python, "-P", "-m", "pylint", f"--rcfile={REPO / '.pylintrc'}", *addons]),
        _verdict("manifests, XML, CSV", lint.addon_files()),
        _verdict("licences and pins", lint.licences(site)),
    ]
    sys.stdout.flush()
    tests = subprocess.Popen([sys.executable, str(REPO / "bin" / "test")], env={**os.environ, "CI": "true"}, cwd=REPO)
    try:
        code = tests.wait()
    except BaseException:
        tests.terminate()
        tests.wait()
        raise
    if not all(verdicts):
        say("the linters complained, see above")
    return 1 if code or not all(verdicts) else 0
