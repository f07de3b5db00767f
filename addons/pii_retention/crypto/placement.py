"""Where a key store may lie: a key in the same backup as the data it opens protects nothing."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .errors import KeyStoreUnsafe


def check_placement(
    root: Path,
    forbidden: Sequence[str | os.PathLike[str]],
    what: str = "it",
    why: str = "backups of the data would hold keys",
) -> None:
    """Refuse a store (or a master key's file) inside, around or equal to a forbidden directory, or below a directory
    that anybody may rename in.

    Compared are real paths (symbolic links resolved) and, for what exists, device and inode numbers, so that a bind
    mount does not pass for another place.

    :param root: the store's real path; it need not exist yet
    :param what: how to call it in the message
    :param why: what would come of it
    :raises KeyStoreUnsafe: the message names the forbidden directory
    """
    ancestors = [root, *root.parents]
    places = {}
    for path in ancestors:
        with suppress(OSError):
            places[path] = os.stat(path)
    for entry in forbidden:
        other = Path(os.path.realpath(entry))
        if other in ancestors or root in other.parents:
            raise KeyStoreUnsafe(f"{what} must not share a tree with {other}: {why}")
        with suppress(FileNotFoundError):
            info = os.stat(other)
            if any(os.path.samestat(info, place) for place in places.values()):
                raise KeyStoreUnsafe(f"{what} lies inside {other} by way of a mount: {why}")
    for path, info in places.items():
        if path != root and info.st_mode & stat.S_IWOTH and not info.st_mode & stat.S_ISVTX:
            raise KeyStoreUnsafe(f"anybody may rename entries of {path}, above its directory; take that right away")
