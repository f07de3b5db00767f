"""Test processes: what each ring starts, and how many of them run side by side."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .process import die_with_parent, kill_group


@dataclass
class Job:
    """One process of a ring; ``seconds`` and ``code`` are set when it ended."""

    ring: str
    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    junit: Path | None = None
    seconds: float = 0.0
    code: int | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started: float = 0.0

    def start(self, cwd: Path) -> None:
        """Start it in its own process group, dying with us."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.monotonic()
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(self.env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def ended(self) -> bool:
        """Whether it is over; notes its exit code and duration the first time."""
        assert self._process
        if self.code is None and (code := self._process.poll()) is not None:
            self.code, self.seconds = code, time.monotonic() - self._started
        return self.code is not None

    def kill(self) -> None:
        """End it with everything in its group."""
        if self._process:
            kill_group(self._process)


class Runner:
    """Runs jobs on a number of slots; longest first, so that none is left alone at the end.

    :param known: a JSON file ``{name of a job: seconds}``, for a machine that has not run them yet
    :param memory: the same of this machine, written at the end; None when only some tests of the jobs run
    """

    def __init__(self, slots: int, cwd: Path, known: Path, memory: Path | None) -> None:
        self.slots = slots
        self.cwd = cwd
        self.done: list[Job] = []
        self._memory = memory
        self._durations: dict[str, float] = {}
        for file in (known, memory):
            with contextlib.suppress(OSError, ValueError):
                self._durations |= json.loads(file.read_text()) if file else {}
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []

    def add(self, jobs: list[Job]) -> None:
        """Queue jobs behind those that wait already."""
        self._waiting.extend(sorted(jobs, key=lambda job: -self._durations.get(job.name, 1e6)))

    def turn(self) -> list[Job]:
        """Start what fits, collect what ended; returns the jobs that just ended."""
        ended = [job for job in self._running if job.ended()]
        for job in ended:
            self._running.remove(job)
            self._durations[job.name] = job.seconds
            self.done.append(job)
        self.start()
        return ended

    def start(self) -> None:
        """Start what fits; what ended meanwhile is for the next :meth:`turn`."""
        while self._waiting and len(self._running) < self.slots:
            job = self._waiting.popleft()
            job.start(self.cwd)
            self._running.append(job)

    @property
    def busy(self) -> list[str]:
        """Names of the jobs at work."""
        return [job.name for job in self._running]

    @property
    def left(self) -> int:
        """Jobs that have not ended."""
        return len(self._waiting) + len(self._running)

    def close(self) -> None:
        """Kill what still runs and remember the durations."""
        for job in self._running:
            job.kill()
        if self._memory:
            self._memory.write_text(json.dumps(self._durations, indent=1))


def worker_count(asked: int | None) -> int:
    """Processes side by side: as asked, else one per core and one more, for tests wait for browsers and printers."""
    return asked or len(os.sched_getaffinity(0)) + 1


def have_tests(folder: Path) -> bool:
    """Whether a folder holds any test file."""
    return any(folder.rglob("test_*.py"))


def on_terminal() -> bool:
    """Whether the user watches a terminal."""
    return sys.stdout.isatty()
