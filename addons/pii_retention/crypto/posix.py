"""The few file operations that keys and tombstones stand on: private, durable, locked. POSIX only."""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import KeyStoreError, KeyStoreUnsafe

LOCK_SECONDS = 10.0
TEMPORARY = ".tmp-"
_POLL_SECONDS = 0.01
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: OSError) -> str:
    """An operating system error as a clause for :class:`KeyStoreError`; the caller names what it worked on."""
    if error.errno in _NO_SPACE:
        return "there is no space left for it on the disk or in the quota; nothing was stored, free some space"
    return f"the operating system refused ({os.strerror(error.errno or 0)})"


@contextmanager
def store_errors(key_id: str | None) -> Iterator[None]:
    """Translate operating system errors to :class:`KeyStoreError`, and name the key in errors that name none yet."""
    try:
        yield
    except OSError as error:
        raise KeyStoreError(explain(error), key_id) from None
    except KeyStoreError as error:
        if key_id and not error.key_id:
            raise type(error)(error.reason, key_id) from None
        raise


def temporary_name(directory: Path) -> Path:
    """A name that no other process uses, for :func:`publish`."""
    return directory / f"{TEMPORARY}{secrets.token_hex(8)}"


def check_private(info: os.stat_result, what: str) -> None:
    """Refuse a file or directory that others than this user can reach.

    :param info: from ``fstat`` or ``lstat``
    :param what: how to call it in the message
    :raises KeyStoreUnsafe: wrong owner, any group or world permission, or neither regular file nor directory
    """
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        raise KeyStoreUnsafe(f"{what} is neither a regular file nor a directory (a symbolic link is not followed)")
    if info.st_uid != os.geteuid():
        raise KeyStoreUnsafe(f"{what} belongs to user {info.st_uid}, but this process runs as user {os.geteuid()}")
    if info.st_mode & 0o077:
        wanted = "0700" if stat.S_ISDIR(info.st_mode) else "0600"
        mode = stat.S_IMODE(info.st_mode)
        raise KeyStoreUnsafe(f"{what} has mode {mode:04o}: group or others can reach it; it must be {wanted}")


@contextmanager
def opened(path: Path, flags: int, what: str) -> Iterator[int]:
    """A descriptor on a file; new files get mode 0600.

    :raises FileNotFoundError: if it does not exist and ``flags`` do not create it
    :raises KeyStoreUnsafe: it is a symbolic link
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise KeyStoreUnsafe(f"{what} is a symbolic link") from None
        raise
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def private_file(path: Path, flags: int, what: str) -> Iterator[int]:
    """As :func:`opened`, for a file that only this user may reach.

    :raises KeyStoreUnsafe: also for a foreign owner or a loose mode
    """
    with opened(path, flags, what) as fd:
        check_private(os.fstat(fd), what)
        yield fd


def read_all(fd: int, offset: int = 0) -> bytes:
    """Everything from ``offset`` to the end of the file."""
    chunks = []
    while chunk := os.pread(fd, 1 << 20, offset):
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data`` at the current position (``os.write`` may write less) and bring it to the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.fsync(fd)


def sync_directory(path: Path) -> None:
    """Bring names created in or removed from a directory to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def publish(path: Path, data: bytes, temporary: Path) -> bool:
    """Make ``path`` appear with ``data``, whole or not at all; the first of several writers wins.

    :param temporary: an unused name in the same directory; a killed process may leave it behind
    :returns: False if ``path`` existed already (it is left alone)
    :raises OSError: nothing was published, or (failing directory sync) not durably; calling again settles it
    """
    try:
        with private_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "a new file") as fd:
            write_all(fd, data)
        os.link(temporary, path)  # unlike rename(), link() never replaces an existing file
    except FileExistsError:
        return False
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_directory(path.parent)
    return True


def supersede(path: Path, data: bytes, temporary: Path, what: str) -> None:
    """Replace the content of a file, whole or not at all, and overwrite what it held.

    Readers that opened the file before see zeros or half of them; they have to look whether the name still stands for
    the file they have open.

    :param temporary: an unused name in the same directory; a killed process may leave it behind
    :param what: how to call the file in messages
    :raises OSError: before the replacement: nothing was changed; after it: the old content may not be overwritten
    """
    with private_file(path, os.O_RDWR, what) as old:
        try:
            with private_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "a new file") as fd:
                write_all(fd, data)
            os.rename(temporary, path)
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        sync_directory(path.parent)
        write_all(old, bytes(os.fstat(old).st_size))


@contextmanager
def locked(fd: int, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the exclusive lock of an open file; the kernel frees it when its holder dies, however it dies.

    :param seconds: how long to wait for another holder
    :raises KeyStoreError: if another process holds it longer than that (a stopped process, a hung disk)
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise KeyStoreError(f"another process has held its lock for more than {seconds:g} seconds") from None
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
