"""A real sandbox process, one per test session (and worker), wiped before every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sandbox_box import TODAY, Box


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The process that tests share."""
    box = Box(tmp_path_factory.mktemp("sandbox") / "state.sqlite")
    yield box
    err = box.stop()
    assert not err, err


@pytest.fixture
def box(process: Box) -> Box:
    """A fresh world at noon of the tests' day, without throttling."""
    process.control("POST", "reset", {"seed": 7})
    process.control("POST", "time", {"set": TODAY})
    process.control("POST", "throttle", {"enabled": False})
    process.access_token = ""
    return process


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    """Start a sandbox of one's own: own("name", "--seed", "3") keeps its state in a file of that name."""
    boxes: list[Box] = []

    def start(name: str | None, *arguments: str) -> Box:
        boxes.append(Box(tmp_path / name if name else None, *arguments))
        return boxes[-1]

    yield start
    for box in boxes:
        if box.process.poll() is None:
            box.kill()
