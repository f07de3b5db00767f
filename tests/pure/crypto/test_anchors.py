"""Anchors: added for good, read by everybody, damaged ones named."""

import multiprocessing
import os

import pytest
from pii_retention.crypto import InvalidName, Keyring, KeyStoreError
from pii_retention.crypto.anchors import FileAnchors

NAME = "0b9c1e2a-0000-4000-8000-000000000001"
fork = multiprocessing.get_context("fork")


@pytest.fixture
def anchors(tmp_path):
    tmp_path.chmod(0o700)
    return FileAnchors(tmp_path / "anchors")


def test_nothing_is_there_before_the_first(anchors):
    assert list(anchors.entries(NAME)) == []
    assert list(anchors.names()) == []
    assert anchors.furthest(NAME) is None


def test_anchors_keep_their_order(anchors):
    for number in range(5):
        anchors.append(NAME, f"{number} day 1-{number}")
    assert [entry.value for entry in anchors.entries(NAME)] == [f"{number} day 1-{number}" for number in range(5)]
    assert list(anchors.names()) == [NAME]
    assert anchors.entries(NAME)[0].at.endswith("Z")


def test_the_head_only_goes_forward(anchors):
    anchors.advance(NAME, 5, "e" * 64)
    anchors.advance(NAME, 3, "c" * 64)
    assert anchors.furthest(NAME) == (5, "e" * 64)
    anchors.advance(NAME, 5, "f")
    assert anchors.furthest(NAME) == (5, "f")
    anchors.advance(NAME, 2, "b" * 64, force=True)
    assert anchors.furthest(NAME) == (2, "b" * 64)


def test_a_torn_line_is_cut_and_a_damaged_one_named(anchors, tmp_path):
    anchors.append(NAME, "one")
    path = tmp_path / "anchors" / f"{NAME}.jsonl"
    with path.open("ab") as file:
        file.write(b'{"v":1,"at":"2026')
    assert [entry.value for entry in anchors.entries(NAME)] == ["one"]
    anchors.append(NAME, "two")
    assert [entry.value for entry in anchors.entries(NAME)] == ["one", "two"]
    path.write_bytes(b"rubbish\n" + path.read_bytes())
    with pytest.raises(KeyStoreError, match="line 1"):
        anchors.entries(NAME)
    (tmp_path / "anchors" / f"{NAME}.head").touch(0o600)
    assert anchors.furthest(NAME) is None
    (tmp_path / "anchors" / f"{NAME}.head").write_bytes(b"rubbish")
    with pytest.raises(KeyStoreError, match="damaged"):
        anchors.furthest(NAME)


def test_files_are_private(anchors, tmp_path):
    anchors.append(NAME, "one")
    anchors.advance(NAME, 1, "one")
    for path in (tmp_path / "anchors").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
    for act in (lambda: anchors.entries(NAME), lambda: anchors.furthest(NAME), lambda: anchors.append(NAME, "two")):
        with pytest.raises(KeyStoreError):
            act()


def test_names_and_values_are_checked(anchors):
    for name in ("", "../x", "A", "a/b", "x" * 65, None):
        with pytest.raises(InvalidName):
            anchors.append(name, "x")
    for value in ("", "a\nb", "é", "x" * 401, None):
        with pytest.raises(InvalidName):
            anchors.append(NAME, value)


def _work(path, worker):
    found = FileAnchors(path)
    for number in range(50):
        found.append(NAME, f"{worker}-{number}")
        found.advance(NAME, 50 * number + worker, f"{worker}-{number}")


def test_processes_add_together(anchors, tmp_path):
    workers = [fork.Process(target=_work, args=(tmp_path / "anchors", worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    values = [entry.value for entry in anchors.entries(NAME)]
    assert sorted(values) == sorted(f"{worker}-{number}" for worker in range(4) for number in range(50))
    assert anchors.furthest(NAME) == (50 * 49 + 3, "3-49")


def test_a_store_has_them_beside_its_keys(store, store_path):
    Keyring(store).anchors.append(NAME, "one")
    assert os.listdir(store_path / "anchors") == [f"{NAME}.jsonl"]
    type(store).initialise(store_path)
