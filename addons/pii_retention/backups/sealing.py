"""Streams into encrypted files, and back. Pure, no Odoo.

The format is age (https://age-encryption.org/v1): any age tool opens it with the identity that belongs to one of the
recipients. The machine that takes backups holds recipients (public keys) only and can read none of its own backups.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from .errors import BackupError
from .names import half_of

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted file: its size in bytes and the SHA-256 of what lies on the disk, in hex."""

    path: Path
    size: int
    sha256: str


def _age() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise BackupError("Encryption needs the Python package pyrage; install it beside Odoo.") from error
    return pyrage


def recipients_of(texts: Iterable[str]) -> list[Any]:
    """Return age recipients from their texts (``age1…``).

    :raises BackupError: there is none, or one is malformed
    """
    age, found = _age(), []
    for text in texts:
        try:
            found.append(age.x25519.Recipient.from_str(text))
        except age.RecipientError as error:
            raise BackupError(
                "A recipient of backups is no age public key, which begins with age1. Make a pair with age-keygen, and "
                "keep its secret part away from this machine."
            ) from error
    if not found:
        raise BackupError("Backups are encrypted: name at least one recipient (age1…).")
    return found


def identities_of(path: Path) -> list[Any]:
    """Return the age identities in a file as ``age-keygen`` writes it.

    :raises BackupError: it cannot be read, others can read it too, or it holds none
    """
    age = _age()
    try:
        if path.stat().st_mode & 0o077:
            raise BackupError(f"The identity file {path.name} can be read by others; chmod 600 it.")
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"The identity file {path.name} cannot be read.") from error
    try:
        found = [age.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
    except age.IdentityError as error:
        raise BackupError(f"The identity file {path.name} is damaged.") from error
    if not found:
        raise BackupError(f"The identity file {path.name} holds no AGE-SECRET-KEY.")
    return found


class _Counting:
    """Passes bytes on, and knows how many and their digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:  # pylint: disable=method-required-super
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def seal(reader: BinaryIO, path: Path, recipients: Sequence[Any]) -> Sealed:
    """Encrypt a stream into a new file (0600), which appears whole or not at all.

    :raises BackupError: there is such a file already, it cannot be written (a full disk), or the stream failed
    """
    age, half = _age(), path.with_name(half_of(path.name))
    if path.exists():
        raise BackupError(f"{path.name} is there already.")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # tells it from one whose writer has died
            writer = _Counting(file)
            try:
                age.encrypt_io(reader, writer, recipients)
            except age.EncryptError as error:  # carries what reader or writer raised as "Type: text"
                raise BackupError(f"{path.name} could not be written: {str(error).partition(': ')[2]}") from error
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    finally:
        with suppress(FileNotFoundError):
            half.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return Sealed(path, writer.size, writer.digest.hexdigest())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(path: Path, identities: Sequence[Any]) -> Iterator[BinaryIO]:
    """Yield the decrypted content of a file as a stream; nothing of it touches the disk.

    :raises BackupError: none of the identities opens it, or it was changed. A changed end is noticed when the stream
        has been read to it, on leaving the block
    """

    age = _age()

    def work(writer: BinaryIO) -> None:
        with path.open("rb") as file:
            try:
                age.decrypt_io(file, writer, identities)
            except BrokenPipeError:
                raise
            except (age.DecryptError, OSError) as error:  # a changed part of the content is an OSError
                raise BackupError(
                    "The backup does not open: it was made for another identity, or it was changed."
                ) from error

    with piped(work) as reader:
        yield reader


@contextmanager
def tar_of(folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[BinaryIO]:
    """Yield a folder as a tar stream: regular files and folders, links left out; what vanishes meanwhile is left out.

    :param wanted: whether a path relative to ``folder`` goes in
    """

    def work(writer: BinaryIO) -> None:
        with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            add_to(tar, folder, wanted)

    with piped(work) as reader:
        yield reader


def add_to(tar: tarfile.TarFile, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> None:
    """Add the regular files of ``folder`` to a tar, in the order of their names."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            if path.is_symlink() or not wanted(inside):
                continue
            with suppress(FileNotFoundError), path.open("rb") as file:
                info = tar.gettarinfo(arcname=inside, fileobj=file)
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                tar.addfile(info, file)


def untar(reader: BinaryIO, folder: Path) -> int:
    """Unpack a tar stream of regular files below ``folder``, private to this user; return how many.

    :raises BackupError: it holds anything else, or a path that leads out of the folder
    """
    count = 0
    try:
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            for member in tar:
                inside = PurePosixPath(member.name)
                if not member.isreg() or inside.is_absolute() or ".." in inside.parts:
                    raise BackupError("This backup holds something that is no file of ours; it is not unpacked.")
                target = folder / inside
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                source = tar.extractfile(member)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    while source and (data := source.read(_BLOCK)):
                        file.write(data)
                count += 1
            while reader.read(_BLOCK):  # to the very end, where the encryption proves that nothing is missing
                pass
    except tarfile.TarError as error:
        raise BackupError("This backup is damaged, or of another kind than was expected.") from error
    return count


@contextmanager
def piped(work: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """Yield the reading end of a pipe that ``work`` writes into, in a thread; its error is raised on leaving."""
    read_fd, write_fd = os.pipe()
    errors: list[BaseException] = []

    def run() -> None:
        with os.fdopen(write_fd, "wb") as writer:
            try:
                work(writer)
            except BaseException as error:  # handed to the thread that waits
                errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    failed = True
    try:
        with os.fdopen(read_fd, "rb") as reader:
            yield reader
        failed = False
    finally:
        thread.join()
        for error in errors:
            if not failed or not isinstance(error, BrokenPipeError):  # else the reader gave up, for a reason of its own
                raise error
