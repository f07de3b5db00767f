"""One benchmark at a time: what is measured beside another says nothing."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def alone(prepared) -> Iterator[None]:
    """Wait until no other benchmark of this user runs, in whatever process."""
    path = Path(tempfile.gettempdir()) / f"bench-{prepared.place.data_dir.stat().st_uid}.lock"
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
