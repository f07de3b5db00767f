"""Debian packages without installing them: a private apt that an ordinary user may run.

The mirror, its options and its keyring are those of the machine; only the suites and the state folders are ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .cache import Cache
from .errors import HouseError
from .process import child_env, run, tail

ODOO_SUITE = "sid"
_ETC = Path("/etc/apt")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NO_NETWORK = re.compile(
    r"could not resolve|temporary failure|could not connect|unable to connect|no route"
    r"|network is unreachable|timed out",
    re.I,
)


@dataclass(frozen=True)
class Source:
    """One mirror entry of the machine: its address, suite and ``Signed-By`` file (empty: apt's trusted keys)."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""


def _one_line(text: str) -> Iterator[Source]:
    """Entries of a ``.list`` file: ``deb [options] uri suite components…`` (sources.list(5))."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>[^#]+)", line)
        words = match["rest"].split() if match else []
        if match and len(words) >= 2:
            key = re.search(r"signed-by=(\S+)", match["options"] or "", re.I)
            yield Source(words[0], words[1], tuple(words[2:]), key[1] if key else "")


def _deb822(text: str) -> Iterator[Source]:
    """Entries of a ``.sources`` file: stanzas of ``Key: values`` (sources.list(5))."""
    for stanza in re.split(r"\n\s*\n", "\n".join(x for x in text.splitlines() if not x.startswith("#"))):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1].isspace() and key:
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        signed_by = fields.get("signed-by", "")
        if "\n" in signed_by or "BEGIN PGP" in signed_by:
            signed_by = ""  # a key written out in place: the keyring file of the distribution has it as well
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, tuple(fields.get("components", "").split()), signed_by)


def machine_sources(etc: Path = _ETC) -> list[Source]:
    """All ``deb`` entries of the machine, in apt's order."""
    found: list[Source] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if path.suffix == ".list":
            found += _one_line(text)
        elif path.suffix == ".sources":
            found += _deb822(text)
    return found


def machine_mirror(etc: Path = _ETC) -> Source:
    """The entry that serves the machine's own Debian release.

    :raises HouseError: when there is none.
    """
    for source in machine_sources(etc):
        if "main" in source.components and not re.search(r"[-/](security|updates|backports|proposed)", source.suite):
            return source
    raise HouseError(
        "apt on this machine names no Debian mirror, so Odoo cannot be fetched; "
        "set ODOO_HOME to a folder that holds Odoo 19's 'odoo' package."
    )


class Apt:
    """apt with its own sources, lists and archives below the cache folder; nothing gets installed."""

    def __init__(self, cache: Cache) -> None:
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise HouseError(
                "This machine has no apt, so Odoo cannot be fetched; "
                "set ODOO_HOME to a folder that holds Odoo 19's 'odoo' package."
            )
        self.root = cache.folder("apt")
        self.log = cache.folder("log") / "apt.log"
        self.mirror = machine_mirror()
        self._updated = False

    @property
    def suite(self) -> str:
        """The machine's own suite, e.g. ``bookworm``."""
        return self.mirror.suite

    def _configure(self) -> Path:
        for name in ("state/lists/partial", "cache/archives/partial", "log"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        status, sources, conf = self.root / "status", self.root / "sources.list", self.root / "apt.conf"
        status.touch()
        signed_by = self.mirror.signed_by or (str(_KEYRING) if _KEYRING.exists() else "")
        option = f"[signed-by={signed_by}] " if signed_by else ""
        suites = dict.fromkeys([self.mirror.suite, ODOO_SUITE])
        sources.write_text("".join(f"deb {option}{self.mirror.uri} {suite} main\n" for suite in suites))
        conf.write_text(
            f'Dir::Etc::SourceList "{sources}";\nDir::Etc::SourceParts "/dev/null";\n'
            f'Dir::Etc::Preferences "/dev/null";\nDir::Etc::PreferencesParts "/dev/null";\n'
            f'Dir::State "{self.root}/state";\nDir::State::status "{status}";\nDir::Cache "{self.root}/cache";\n'
            f'Dir::Log "{self.root}/log";\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n'
            'Acquire::Retries "2";\n'
            # the machine's own hooks (package kit, caches to clean) are none of our business
            "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Post-Invoke;\n"
        )
        return conf

    def _apt(self, *args: str, cwd: Path, on_fraction: Callable[[float], None] | None = None) -> None:
        conf = self._configure()
        reader, writer = os.pipe()

        def watch() -> None:
            with os.fdopen(reader, errors="replace") as status:
                for line in status:
                    match = re.match(r"dlstatus:\d+:([\d.]+):", line)
                    if match and on_fraction:
                        on_fraction(float(match[1]) / 100)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        said: list[str] = []
        cmd = ["apt-get", f"-c={conf}", "-o", f"APT::Status-Fd={writer}", *args]
        try:
            code = run(cmd, self.log, child_env(), cwd=cwd, on_line=said.append, pass_fds=(writer,))
        finally:
            os.close(writer)
            watcher.join()
        text = "\n".join(said)
        if code or re.search(r"^(E:|Err:)", text, re.M):
            self._fail(args[0], text)

    def _fail(self, what: str, text: str) -> None:
        if "No space left" in text or "enough free space" in text:
            raise HouseError(f"The disk of {self.root} is full; free some space or set ODOO_AMAZON_CACHE.")
        if _NO_NETWORK.search(text):
            raise HouseError(
                "The machine's package mirror cannot be reached (no network?); "
                "run this again with a network, or set ODOO_HOME to an Odoo 19 that is already here."
            )
        errors = [line for line in text.splitlines() if line.startswith(("E:", "Err:"))]
        raise HouseError(f"apt-get {what} failed: {errors[-1] if errors else tail(self.log)} [{self.log}]")

    def update(self, on_fraction: Callable[[float], None] | None = None) -> None:
        """Read the package lists once per run. :raises HouseError: without a network or a fitting mirror."""
        if not self._updated:
            self._apt("update", cwd=self.root, on_fraction=on_fraction)
            self._updated = True

    def suite_of(self, package: str) -> str:
        """The machine's own suite when it has the package, else the one that Odoo comes from."""
        cmd = ["apt-cache", f"-c={self._configure()}", "madison", package]
        said = subprocess.run(cmd, capture_output=True, text=True, check=False, env=child_env()).stdout
        return self.suite if f" {self.suite}/" in said else ODOO_SUITE

    def download(self, names: list[str], into: Path, on_fraction: Callable[[float], None] | None = None) -> list[Path]:
        """Fetch packages (``name/suite``) into a folder and return the ``.deb`` files found there."""
        into.mkdir(parents=True, exist_ok=True)
        self._apt("download", *names, cwd=into, on_fraction=on_fraction)
        return sorted(into.glob("*.deb"))


def deb_field(deb: Path, field: str) -> str:
    """One control field of a ``.deb``, e.g. ``Version``."""
    done = subprocess.run(["dpkg-deb", "-f", deb, field], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HouseError(f"The package {deb.name} is damaged; run this again.")
    return done.stdout.strip()


def unpack(deb: Path, into: Path, on_fraction: Callable[[float], None] | None = None) -> None:
    """``dpkg -x`` with progress. :raises HouseError: on a damaged package or a full disk."""
    into.mkdir(parents=True, exist_ok=True)
    total = max(1, int(deb_field(deb, "Installed-Size") or 1) * 1024)
    reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, env=child_env())
    writer = subprocess.Popen(
        ["tar", "-x", "--no-same-owner", "-C", into],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_env(),
    )
    assert reader.stdout and writer.stdin and writer.stderr
    done = 0
    try:
        while block := reader.stdout.read(1 << 20):
            writer.stdin.write(block)
            done += len(block)
            if on_fraction:
                on_fraction(min(1.0, done / total))
        writer.stdin.close()
    except BrokenPipeError:
        pass
    finally:
        complaint = writer.stderr.read().decode(errors="replace").strip()
        codes = reader.wait(), writer.wait()
    if any(codes):
        if "No space left" in complaint:
            raise HouseError(f"The disk of {into} is full; free some space or set ODOO_AMAZON_CACHE.")
        raise HouseError(f"The package {deb.name} could not be unpacked: {complaint or 'it is damaged'}.")
