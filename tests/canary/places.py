"""Where to look: bytes, files, folders, databases, whole PostgreSQL clusters, running processes."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from . import containers, ocr
from .canaries import Canary
from .matcher import Buffer, Matcher
from .needles import Needle, compile_needles
from .report import Report

SCRATCH_PREFIX = "canary-scan-"
"""Folders of the scanner itself, left out of :meth:`Scanner.scan_tree`: two scans may run side by side."""

_MAX_DEPTH = 10
_TEXTS = ocr.TextCache()  # shared: two scanners over one place read its pictures once
_CONTEXT = 24


class Scanner:
    """Looks for canaries and keeps one :class:`Report` over all its scans.

    :param canaries: the planted values
    :param without: forms or containers switched off by name; for the self-test
    :param programs: folders to look for programs in before PATH; ``pg_restore`` must not be older than the dumps
    """

    def __init__(
        self, canaries: Iterable[Canary], without: Collection[str] = (), programs: Iterable[Path] = ()
    ) -> None:
        self.canaries = list(canaries)
        self.without = frozenset(without)
        self.programs = tuple(programs)
        needles = compile_needles(self.canaries, self.without)
        self._matcher = Matcher(needles)
        self._fuzzy = ocr.FuzzyNeedles(self.canaries)
        self.report = Report(needles=len(needles))

    # === Places ===

    def scan_bytes(self, data: Buffer, place: str) -> None:
        """One piece of data and all that it contains."""
        self.report.places += 1
        self.scan_blob(data, place)

    def scan_file(self, path: str | os.PathLike[str], place: str | None = None, descend: bool = True) -> None:
        """One regular file, its name included.

        :param place: name in the report, default the path
        :param descend: also open what the file contains (off for raw database files, where only streams are carved)
        """
        path = Path(path)
        place = self.redact(str(path) if place is None else place)
        self.report.places += 1
        self.scan_blob(os.fsencode(path.name), f"{place} (name)", depth=_MAX_DEPTH)
        try:
            with path.open("rb") as file:
                if not os.fstat(file.fileno()).st_size:
                    return
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    self.scan_blob(data, place, depth=0 if descend else _MAX_DEPTH)
                    if not descend:
                        self._children(data, place, 0, only="carve")
        except FileNotFoundError:
            return  # gone between listing and reading: not at rest
        except (OSError, ValueError) as error:
            self.report.skip(
                place, f"cannot be read: {type(error).__name__} {getattr(error, 'errno', '') or ''}".strip()
            )

    def scan_tree(
        self, root: str | os.PathLike[str], place: str | None = None, exclude: Iterable[str | os.PathLike[str]] = ()
    ) -> None:
        """All files under ``root``: contents, names, targets of symbolic links (which are not followed).

        :param exclude: files or folders to leave out, as paths
        """
        root = Path(root)
        place = str(root) if place is None else place
        left_out = {os.path.realpath(entry) for entry in exclude}
        if not root.is_dir():
            self.report.skip(place, "no such folder")
            return

        def unreadable(error: OSError) -> None:
            if error.errno != errno.ENOENT:
                self.report.skip(self.redact(str(error.filename)), f"cannot be listed: {type(error).__name__}")

        for folder, folders, files in os.walk(root, onerror=unreadable):
            keep = [
                name
                for name in sorted(folders)
                if not name.startswith(SCRATCH_PREFIX) and os.path.realpath(os.path.join(folder, name)) not in left_out
            ]
            for name in [*keep, *sorted(files)]:
                self._entry(Path(folder, name), f"{place}/{Path(folder, name).relative_to(root)}", left_out)
            folders[:] = [name for name in keep if not os.path.islink(os.path.join(folder, name))]

    def _entry(self, path: Path, place: str, left_out: set[str]) -> None:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if stat.S_ISREG(mode):
            if os.path.realpath(path) not in left_out:
                self.scan_file(path, place)
            return
        # Folders, links, sockets and pipes hold nothing but their name (and their target).
        name = os.fsencode(path.name)
        if stat.S_ISLNK(mode):
            name += b"\0" + os.fsencode(os.readlink(path))
        self.scan_blob(name, f"{self.redact(place)} (name)", depth=_MAX_DEPTH)

    def scan_database(self, dsn: str, place: str = "db") -> None:
        """Every column of every table of one database, the system catalogue and large objects included."""
        from .database import scan_database

        scan_database(self, dsn, place)

    def scan_cluster(self, data_dir: str | os.PathLike[str], place: str = "cluster", dsn: str | None = None) -> None:
        """The raw files of a PostgreSQL data directory: heaps, indexes, dead rows, WAL, statistics, logs.

        :param dsn: of a superuser: a CHECKPOINT is made first, and files are named after their relation
        """
        from .cluster import scan_cluster

        scan_cluster(self, Path(data_dir), place, dsn)

    def scan_process(self, pid: int, place: str | None = None) -> None:
        """Arguments and environment of a process, which every user (arguments) or its owner (environment) can read."""
        for name in ("cmdline", "environ"):
            label = f"{place or f'process {pid}'} {name}"
            try:
                self.scan_bytes(Path(f"/proc/{pid}/{name}").read_bytes(), label)
            except OSError as error:
                self.report.skip(label, f"cannot be read: {type(error).__name__}")

    # === Engine ===

    def scan_blob(self, data: Buffer, place: str, depth: int = 0) -> None:
        """Search ``data``, then what it contains. Does not count as a place of its own."""
        self.report.blobs += 1
        self.report.bytes += len(data)
        for needle, start, end in self._matcher.find(data):
            self._hit(data, place, needle, start, end)
        if depth < _MAX_DEPTH:
            self._children(data, place, depth)

    def _children(self, data: Buffer, place: str, depth: int, only: str = "") -> None:
        context = containers.Context(
            self.without, lambda reason: self.report.skip(place, reason), _TEXTS, self.programs
        )
        for child in containers.children(data, context, only):
            inner = f"{place}!{self.redact(child.label)}"
            if depth + 1 >= _MAX_DEPTH and not child.leaf:
                self.report.skip(inner, f"nested more than {_MAX_DEPTH} deep")
            if child.name:
                self.scan_blob(child.name, f"{inner} (name)", depth=_MAX_DEPTH)
            if child.seen:
                for field in self._fuzzy.find(child.data.decode("utf-8", "replace")):
                    self.report.add(inner, field, "ocr", 1, f"‹{field}›")
            self.scan_blob(child.data, inner, depth=_MAX_DEPTH if child.leaf else depth + 1)

    def _hit(self, data: Buffer, place: str, needle: Needle, start: int, end: int) -> None:
        before = bytes(data[max(start - _CONTEXT, 0) : start])
        after = bytes(data[end : end + _CONTEXT])
        excerpt = f"{self._printable(before)}‹{needle.field}›{self._printable(after)}"
        self.report.add(place, needle.field, needle.form, 1, excerpt)

    def _printable(self, data: bytes) -> str:
        """Redacted ASCII of the neighbourhood: shape and punctuation, no letters or digits beyond short words.

        A neighbour may be the rest of the value or somebody's next field, cut by the window, so that it cannot be
        recognised: long words are dotted out.
        """
        shown, word = [], []
        for char in (*(chr(byte) if 32 <= byte < 127 else " " for byte in data), " "):
            if char.isalnum():
                word.append(char)
                continue
            shown.append("".join(word) if len(word) <= 6 else "." * len(word))
            shown.append(char)
            word.clear()
        return " ".join("".join(shown).split())

    def redact(self, text: str) -> str:
        """``text`` with canaries replaced by their field: a path or an archive member may be named after a person."""
        raw = os.fsencode(text)
        spans = sorted({(start, end, needle.field) for needle, start, end in self._matcher.find(raw)}, reverse=True)
        limit = len(raw) + 1
        for start, end, field in spans:
            if end <= limit:
                raw = raw[:start] + f"‹{field}›".encode() + raw[end:]
                limit = start
        return raw.decode("utf-8", "replace")
