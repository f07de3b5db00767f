"""What a run of tests came to: counts, slowest tests, skips with their reason, figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from .jobs import Job
from .process import tail
from .progress import say

_RUNNER = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests")
_BEGUN = re.compile(r"^(\S+ \S+) \d+ INFO \S+ odoo\.addons\.\S+: Starting (\S+) \.\.\.", re.M)
"""A test that Odoo's runner begins."""
_LOUD = re.compile(r"^\S+ \S+ \d+ (?:ERROR|CRITICAL) .*(?:\n(?!\d{4}-).*)*", re.M)
"""An error record of Odoo with its traceback."""
_FIGURE = re.compile(r"^(?:.*\s)?(FIGURE \S+ \S+ \S+.*)$", re.M)


@dataclass
class Result:
    """Counts of one ring (or one job) with its tests' times, skips and figures."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    slow: list[tuple[float, str]] = field(default_factory=list)
    skips: list[tuple[str, str]] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Take another result's numbers in."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.seconds += other.seconds
        for name in ("slow", "skips", "figures", "faults"):
            getattr(self, name).extend(getattr(other, name))


def _pytest_result(job: Job, result: Result) -> None:
    assert job.junit
    for case in ElementTree.parse(job.junit).iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}".removeprefix("::")
        result.slow.append((float(case.get("time") or 0), name))
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skip is not None:
            result.skipped += 1
            result.skips.append((name, " ".join((skip.get("message") or "").split())))
        else:
            result.passed += 1
        for out in case.findall("system-out"):
            result.figures += _FIGURE.findall(out.text or "")


def _runner_times(text: str) -> list[tuple[float, str]]:
    """``(seconds, test)`` of each test in a log of Odoo's runner: until the next one began."""
    begun = [(datetime.fromisoformat(moment), test) for moment, test in _BEGUN.findall(text)]
    return [((after - moment).total_seconds(), test) for (moment, test), (after, _) in pairwise(begun)]


def _runner_result(job: Job, result: Result) -> None:
    text = job.log.read_text(errors="replace")
    match = _RUNNER.search(text)
    if match:
        result.failed = int(match[1]) + int(match[2])
        result.passed = int(match[3]) - result.failed
        result.slow = _runner_times(text)
        result.figures = _FIGURE.findall(text)
        for name, why in re.findall(r"\bskipped (\S+)(?: : |: )(.*)$", text, re.M):
            result.skipped += 1
            result.passed -= 1
            result.skips.append((name, why))
    else:
        result.failed = 1
        result.faults.append(f"{job.name}: Odoo's runner printed no result: {tail(job.log)} [{job.log}]")


def job_result(job: Job, empty_is_fine: bool) -> Result:
    """Read what a job left behind; a job that died, or that found no test, counts as one failure."""
    result = Result(seconds=job.seconds)
    if job.junit is None:
        _runner_result(job, result)
        if job.code and not result.failed:
            result.failed = 1
            result.faults.append(f"{job.name}: exit code {job.code}: {tail(job.log)} [{job.log}]")
        return result
    if job.junit.exists():
        try:
            _pytest_result(job, result)
        except ElementTree.ParseError as exc:
            result.faults.append(f"{job.name}: its report is not whole ({exc})")
    if job.code == 5:
        if not empty_is_fine:
            result.failed += 1
            result.faults.append(f"{job.name}: no test was found")
    elif job.code and not result.failed:
        result.failed = 1
        result.faults.append(f"{job.name}: exit code {job.code}: {tail(job.log)} [{job.log}]")
    return result


def show_job(job: Job, result: Result) -> None:
    """One line for a job that ended, and its failures in full."""
    line = f"{job.name:<44.44} {result.passed:5} passed {result.failed:4} failed {result.skipped:4} skipped"
    say(f"{line} {job.seconds:7.1f} s")
    if result.failed:
        text = job.log.read_text(errors="replace")
        start = max(text.find("= ERRORS ="), 0) or max(text.find("= FAILURES ="), 0)
        block = text[text.rfind("\n", 0, start) + 1 :] if start else text
        if job.junit is None:
            block = "\n".join(_LOUD.findall(text))
        say("\n".join(block.splitlines()[-200:]))
        say(f"[{job.log}]")


def show(rings: dict[str, Result], slowest: int = 15) -> None:
    """The summary of all rings."""
    total = Result()
    say("")
    say(f"{'ring':<10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>9}")
    for name, result in rings.items():
        say(f"{name:<10} {result.passed:>7} {result.failed:>7} {result.skipped:>8} {result.seconds:>9.1f}")
        total.add(result)
    slow = [item for item in sorted(total.slow, reverse=True) if item[0] >= 0.01][:slowest]
    if slow:
        say("\nslowest tests")
        for seconds, name in slow:
            say(f"{seconds:8.2f} s  {name:.110}")
    if total.skips:
        say("\nskipped")
        for name, why in total.skips:
            say(f"  {name}: {why or 'no reason given'}")
    if total.figures:
        say("")
        for line in total.figures:
            say(line)


def lines_of(path: Path) -> list[str]:
    """The lines of a list file without comments and blanks."""
    if not path.exists():
        return []
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
