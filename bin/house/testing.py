"""``bin/test``: set up what is missing, run the rings, say what came of it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from . import REPO, setting_up, system, template
from .cache import Cache
from .database import APART, Workplace, own_addons
from .errors import HouseError
from .jobs import Job, Runner, have_tests, on_terminal, worker_count
from .logcheck import bad_lines
from .nursery import nursery
from .process import child_env, free_port
from .progress import say
from .setting_up import Base
from .summary import Result, job_result, lines_of, show, show_job

RINGS = ("pure", "contract", "addon", "system", "bench")
_WITHOUT_DATABASE = ("pure", "contract")
_TESTS = REPO / "tests"
_KEEP_RUNS = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/test",
        description="Run the rings of tests, setting up first what is missing.",
        epilog="Without RING: all but bench. CI=true in the environment means --strict. "
        "After a run, pytest on one file of tests/system uses the same template database.",
    )
    parser.add_argument("rings", nargs="*", metavar="RING", help=", ".join(RINGS))
    parser.add_argument("-k", dest="expression", help="only tests that match pytest's EXPRESSION")
    parser.add_argument("-n", dest="workers", type=int, help="processes side by side (default: one more than cores)")
    parser.add_argument(
        "--strict", action="store_true", help="fail on a skip or an Odoo log record that is not on its list"
    )
    given = parser.parse_args()
    unknown = [name for name in given.rings if name not in RINGS]
    if unknown:
        raise HouseError(f"There is no ring {', '.join(unknown)}; the rings are {', '.join(RINGS)}.")
    given.rings = [name for name in RINGS if name in given.rings] or list(RINGS[:-1])
    given.strict |= os.environ.get("CI", "").lower() in ("1", "true", "yes")
    return given


class _Plan:
    """The jobs of each ring in one run."""

    def __init__(self, found: Base, run: Path, expression: str | None) -> None:
        self.found = found
        self.run = run
        self.expression = expression
        self.env = child_env({"HOUSE_RUN": str(run), "ODOO_AMAZON_CACHE": str(found.cache.path)})

    def _pytest(self, ring: str, name: str, targets: list[Path], *options: str, env: dict[str, str]) -> Job:
        junit = self.run / f"{name.replace('/', '-')}.xml"
        command = [
            *(str(self.found.python), "-P", "-m", "pytest", "-q", "-rs", "--color=no", "--tb=short"),
            *("-p", "no:cacheprovider", f"--junitxml={junit}", "-o", "junit_logging=system-out", *options),
            *(str(path) for path in targets),
        ]
        if self.expression:
            command += ["-k", self.expression]
        return Job(ring, name, command, env, self.run / f"{junit.stem}.out", junit)

    def plain(self, ring: str) -> list[Job]:
        """A ring without a database: one pytest per folder of the ring, and one for the files beside the folders."""
        folder = _TESTS / ring
        parts = {path: path.name for path in sorted(folder.iterdir()) if path.is_dir() and have_tests(path)}
        jobs = [self._pytest(ring, f"{ring}/{name}", [path], env=self.env) for path, name in parts.items()]
        files = sorted(folder.glob("test_*.py"))
        if files or not jobs:
            jobs.append(self._pytest(ring, ring, files or [folder], env=self.env))
        return jobs

    def addon(self, place: Workplace, template_name: str) -> list[Job]:
        """The tests of each addon, on its own copy of the template.

        Odoo's own runner runs them, as it would on anybody's server; pytest where a selection is wanted, and for the
        addons that have a database of their own.
        """
        jobs = []
        tested = [name for name in own_addons() if have_tests(REPO / "addons" / name / "tests")]
        for name in filter(self._may_match, [*tested, *APART]):
            label = f"addon_{name}"
            if name in tested and not self.expression:
                config = self._config(place, template_name, label, logfile="")
                command = place.command(config, "--stop-after-init", "--test-tags", f"/{name}")
                jobs.append(Job("addon", f"addon/{name}", command, place.env, self.run / f"{label}.log"))
                continue
            config = self._config(place, template_name, label, log_level="warn")
            if name in APART:
                place.install(config, self.run / f"install_{name}.log", f"Database with {name}", install=[name])
            options = ("-o", "addopts=", "--odoo-http", "--odoo-log-level=warn", f"--odoo-config={config}")
            target = [REPO / "addons" / name / "tests"]
            jobs.append(self._pytest("addon", f"addon/{name}", target, *options, env=dict(place.env)))
        return jobs

    def _may_match(self, addon: str) -> bool:
        """Whether a test of the addon can be meant by the selection: one of its words is somewhere in them."""
        words = re.findall(r"[^\s()]+", (self.expression or "not").lower())
        if "not" in words:
            return True
        files = (REPO / "addons" / addon / "tests").rglob("test_*.py")
        text = "\n".join(f"{path} {path.read_text()}" for path in files).lower()
        return any(word in text for word in words if word not in ("and", "or"))

    def _config(self, place: Workplace, template_name: str, label: str, **options: object) -> Path:
        database = f"t{os.getpid()}_{label}"
        place.copy(template_name, database)
        options = {"logfile": self.run / f"{label}.log", "http_port": free_port()} | options
        return place.config(self.run / f"{label}.conf", database, self.run / f"{label}-keys", **options)

    def files(self, ring: str, place: Workplace) -> list[Job]:
        """One pytest per file: they make their own databases and run side by side."""
        env = self.env | place.server.env | {"HOUSE_STATE": str(self.found.cache / "test" / "state.json")}
        files = self._selected(ring, sorted((_TESTS / ring).rglob("test_*.py")))
        jobs = [self._pytest(ring, f"{ring}/{path.stem}", [path], env=env) for path in files]
        return jobs or [self._pytest(ring, ring, [_TESTS / ring], env=env)]

    def _selected(self, ring: str, files: list[Path]) -> list[Path]:
        """Those of a ring's files that hold a test of the selection, all when pytest cannot say."""
        if not self.expression:
            return files
        command = [str(self.found.python), "-P", "-m", "pytest", "-qq", "--collect-only", "-p", "no:cacheprovider"]
        command += [str(_TESTS / ring), "-k", self.expression]
        found = subprocess.run(command, cwd=REPO, env=self.env, capture_output=True, text=True)
        chosen = {REPO / line.partition(":")[0] for line in found.stdout.splitlines()}
        return [path for path in files if path in chosen] if found.returncode == 0 else files


def _run_folder(cache: Cache) -> Path:
    runs = cache.folder("test/runs")
    for old in sorted(runs.iterdir())[: -_KEEP_RUNS + 1]:
        # its last part is the number of the process: another run may be under way
        if not Path(f"/proc/{old.name.rpartition('-')[2]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    run = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    run.mkdir()
    return run


def _follow(runner: Runner, results: dict[str, Result], expression: str | None) -> None:
    """Turn the runner until no job is left, showing each that ended."""
    while runner.left:
        for job in runner.turn():
            result = job_result(job, empty_is_fine=bool(expression))
            results[job.ring].add(result)
            show_job(job, result)
        if on_terminal():
            print(f"\r\x1b[2K{runner.left} left; at work: {', '.join(runner.busy)}"[:120], end="\r", flush=True)
        time.sleep(0.1)
    if on_terminal():
        print("\r\x1b[2K", end="")


def main() -> int:
    """Entry point; returns 1 when anything failed."""
    given = _arguments()
    started = time.monotonic()
    cache = Cache()
    workers = worker_count(given.workers)
    with_database = [ring for ring in given.rings if ring not in _WITHOUT_DATABASE]
    if with_database:
        system.ensure(cache, ("wkhtmltopdf", "chromium", "tesseract", "pdftotext"))
    found = setting_up.base(cache)
    run = _run_folder(cache)
    results = {ring: Result() for ring in given.rings}
    plan = _Plan(found, run, given.expression)
    memory = None if given.expression else cache / "test" / "durations.json"
    runner = Runner(workers, REPO, _TESTS / "durations.json", memory)
    try:
        runner.add([job for ring in given.rings if ring in _WITHOUT_DATABASE for job in plan.plain(ring)])
        with contextlib.ExitStack() as stack:
            if with_database:
                runner.start()  # they run while the database is being made
                _with_database(stack, plan, runner, with_database, results)
            _follow(runner, results, given.expression)
    finally:
        runner.close()
    return _judge(given.strict, run, results, time.monotonic() - started)


def _with_database(
    stack: contextlib.ExitStack, plan: _Plan, runner: Runner, rings: list[str], results: dict[str, Result]
) -> None:
    cache = plan.found.cache
    place, folder = stack.enter_context(setting_up.workplace(plan.found, "test", durable=False))
    _sweep(place)
    name = template.ensure(cache, place, folder)
    private = not os.environ.get("PGHOST")
    state = setting_up.state(place, folder, private, name, plan.run)
    (cache / "test" / "state.json").write_text(json.dumps(state, indent=1))
    stack.callback(_sweep, place)
    for ring in rings:
        if ring == "bench":  # it measures: nothing else is at work beside it, and each process is a fresh one
            _follow(runner, results, plan.expression)
            runner.slots = 1
            plan.env.pop("HOUSE_NURSERY", None)
        if ring == "system":
            plan.env["HOUSE_NURSERY"] = str(stack.enter_context(nursery(place, name, plan.run)))
        runner.add(plan.addon(place, name) if ring == "addon" else plan.files(ring, place))
    _follow(runner, results, plan.expression)


def _sweep(place: Workplace) -> None:
    """Drop the databases of runs that are over; a run's databases carry the pid of its process."""
    for name in place.names("t"):
        pid = name[1:].split("_")[0]
        if pid.isdigit() and (int(pid) == os.getpid() or not Path(f"/proc/{pid}").exists()):
            place.drop(name)


def _judge(strict: bool, run: Path, results: dict[str, Result], seconds: float) -> int:
    total = Result()
    for result in results.values():
        total.add(result)
    show(results)
    problems = list(total.faults)
    if strict:
        allowed = lines_of(_TESTS / "allowed_skips.txt")
        problems += [
            f"skipped without leave: {name}: {why}" for name, why in total.skips if not any(x in name for x in allowed)
        ]
    loud = list(bad_lines(run, _TESTS / "allowed_log_lines.txt"))
    if strict:
        problems += [f"log record not allowed: {line}" for line in loud]
    elif loud:
        say(f"\n{len(loud)} Odoo log records at WARNING or above that are not allowed; the first: {loud[0]}")
    if problems:
        say("\nproblems")
        for line in problems:
            say(f"  {line}")
    say(f"\n{seconds:.0f} s, logs in {run}")
    say(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or problems else 0
