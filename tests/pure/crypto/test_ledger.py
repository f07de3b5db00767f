"""Tombstones: written for good, read by everybody, and never silently lost."""

import json
import multiprocessing
import os
import resource
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pii_retention.crypto import InvalidName, KeyStoreError, Ledger, LedgerOutdated
from pii_retention.crypto.posix import write_all

DAY = date(2026, 11, 21)
fork = multiprocessing.get_context("fork")


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def ledger(tmp_path):
    return Ledger.create(tmp_path / "subjects.jsonl")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "subjects.jsonl"


def test_append_and_contains(ledger, path):
    assert not ledger.contains(uuid(1))
    assert ledger.append(uuid(1), DAY, "early_erasure") is True
    assert ledger.append(uuid(1), date(2027, 1, 1), "deadline") is False
    assert ledger.contains(uuid(1)) and Ledger(path).contains(uuid(1))
    (stone,) = ledger.entries()
    assert (stone.id, stone.day, stone.reason) == (uuid(1), "2026-11-21", "early_erasure")
    assert ledger.check() == 1
    assert Ledger.create(path).contains(uuid(1)), "create() emptied a ledger"


def test_lines_of_others_are_seen(ledger, path):
    other = Ledger(path)
    for number in range(5):
        assert not ledger.contains(uuid(number))
        other.append(uuid(number), DAY, "deadline")
        assert ledger.contains(uuid(number))


def test_a_restored_or_edited_ledger_is_read_anew(ledger, path):
    for number in (1, 2):
        ledger.append(uuid(number), DAY, "deadline")
    assert ledger.contains(uuid(2))
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first)
    assert not ledger.contains(uuid(2)) and ledger.contains(uuid(1))
    copy = path.with_name("copy")
    copy.touch(mode=0o600)
    copy.write_bytes(second + first + second.replace(uuid(2).encode(), uuid(3).encode()))
    os.rename(copy, path)
    assert ledger.contains(uuid(3)) and ledger.contains(uuid(2))


@pytest.mark.parametrize("entry_id", ["", "Erika Canary", "x" * 200, "a\nb", "/a", "ä"])
def test_malformed_ids(ledger, entry_id):
    with pytest.raises(InvalidName) as caught:
        ledger.append(entry_id, DAY, "deadline")
    assert "Canary" not in str(caught.value)


@pytest.mark.parametrize("reason", ["", "Erika Canary wants it", "x" * 33, "a-b", "ä", "a\n"])
def test_reasons_are_codes(ledger, reason, path):
    with pytest.raises(InvalidName):
        ledger.append(uuid(1), DAY, reason)
    assert path.read_bytes() == b""


def test_every_torn_end(ledger, path):
    """A crash after any number of bytes of the last line: earlier lines hold, a whole object counts, the rest goes."""
    ledger.append(uuid(1), DAY, "deadline")
    start = path.stat().st_size
    ledger.append(uuid(2), DAY, "deadline")
    whole = path.read_bytes()
    for size in range(start, len(whole)):
        path.write_bytes(whole[:size])
        complete = size == len(whole) - 1
        for reader in (ledger, Ledger(path)):
            assert reader.contains(uuid(1))
            assert reader.contains(uuid(2)) is complete
        assert ledger.check() == 1 + complete
        assert ledger.append(uuid(3), DAY, "deadline")
        assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == (
            [uuid(1), uuid(2), uuid(3)] if complete else [uuid(1), uuid(3)]
        )
        for reader in (ledger, Ledger(path)):
            assert reader.contains(uuid(3)) and reader.contains(uuid(2)) is complete


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.binary(max_size=20))
def test_damage_is_never_taken_for_absence(tmp_path_factory, position, junk):
    path = tmp_path_factory.mktemp("ledger") / "l.jsonl"
    ledger = Ledger.create(path)
    for number in range(3):
        ledger.append(uuid(number), DAY, "deadline")
    whole = path.read_bytes()
    position %= len(whole) - len(whole.splitlines()[-1]) - 1  # not in the last line, which may be torn
    path.write_bytes(whole[:position] + junk + whole[position + 1 :])
    try:
        found = [Ledger(path).contains(uuid(number)) for number in range(3)]
    except KeyStoreError as error:
        assert "damaged" in str(error)
    else:
        kept = [uuid(number).encode() in path.read_bytes() for number in range(3)]
        assert found == kept


def test_damaged_line_is_named(ledger, path):
    for number in range(3):
        ledger.append(uuid(number), DAY, "deadline")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:30] + b"\n" + lines[2])
    for call in (ledger.check, lambda: Ledger(path).contains(uuid(9)), lambda: ledger.append(uuid(9), DAY, "deadline")):
        with pytest.raises(KeyStoreError, match="line 2 of subjects.jsonl"):
            call()


def test_missing_ledger_is_not_an_empty_one(ledger, path):
    ledger.append(uuid(1), DAY, "deadline")
    os.unlink(path)
    for call in (lambda: ledger.contains(uuid(1)), ledger.check, lambda: ledger.append(uuid(2), DAY, "deadline")):
        with pytest.raises(KeyStoreError, match="is gone"):
            call()
    assert not path.exists()


def test_failed_write_leaves_no_trace(ledger, path, monkeypatch):
    ledger.append(uuid(1), DAY, "deadline")
    before = path.read_bytes()

    def half(fd, data):
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pii_retention.crypto.ledger.write_all", half)
    with pytest.raises(KeyStoreError, match="no space"):
        ledger.append(uuid(2), DAY, "deadline")
    assert path.read_bytes() == before and not ledger.contains(uuid(2))


def test_lines_are_on_the_disk_before_append_returns(ledger, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size) or real(fd))
    ledger.append(uuid(1), DAY, "deadline")
    assert synced == [os.stat(ledger._path).st_size]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    with open(tmp_path / "x", "wb") as file:
        write_all(file.fileno(), b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def _append(path, worker):
    ledger = Ledger(path)
    for number in range(25):
        ledger.append(uuid(worker * 100 + number), DAY, "deadline")
        ledger.append(uuid(999), DAY, "deadline")


def test_processes_append_together(ledger, path):
    workers = [fork.Process(target=_append, args=(path, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    ids = [stone.id for stone in ledger.entries()]
    assert sorted(ids) == sorted([uuid(w * 100 + n) for w in range(4) for n in range(25)] + [uuid(999)])


def test_what_was_written_since_a_mark(ledger, path):
    assert list(ledger.since("")) == [] and ledger.mark() == "0:"
    for number in range(4):
        ledger.append(uuid(number), DAY, "deadline")
    mark = Ledger(path).mark()
    assert list(ledger.since(mark)) == []
    ledger.append(uuid(4), DAY, "deadline")
    assert [stone.id for stone in ledger.since(mark)] == [uuid(4)]
    assert [stone.id for stone in ledger.since("")] == [uuid(number) for number in range(5)]
    assert ledger.buried([uuid(2), uuid(9)]) == {uuid(2)}


def test_an_older_copy_of_the_ledger_is_noticed(ledger, path):
    for number in range(4):
        ledger.append(uuid(number), DAY, "deadline")
    mark, lines = ledger.mark(), path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(LedgerOutdated):
        list(Ledger(path).since(mark))
    for number in range(10, 16):  # even when it has grown beyond the mark since
        Ledger(path).append(uuid(number), DAY, "deadline")
    with pytest.raises(LedgerOutdated):
        list(Ledger(path).since(mark))
    for malformed in ("x", "1", "-1:", "3:Zoë Müller"):
        with pytest.raises(InvalidName):
            list(ledger.since(malformed))


def test_many_at_once(ledger, path):
    ledger.append(uuid(5), DAY, "early_erasure")
    assert ledger.append_many((uuid(number), DAY, "deadline") for number in (*range(10), 3)) == 9
    assert ledger.append_many((uuid(number), DAY, "deadline") for number in range(10)) == 0
    assert [stone.id for stone in Ledger(path).entries()] == [uuid(number) for number in (5, 0, 1, 2, 3, 4, 6, 7, 8, 9)]
    assert ledger.append_many([]) == 0 and ledger.check() == 10
    with pytest.raises(InvalidName):
        ledger.append_many([(uuid(11), DAY, "deadline"), ("Erika Canary", DAY, "deadline")])
    assert ledger.check() == 10


def test_many_torn_anywhere(ledger, path):
    """A crash after any number of bytes of a batch: what is whole is buried, and the batch is repeated."""
    ledger.append(uuid(0), DAY, "deadline")
    start = path.stat().st_size
    batch = [(uuid(number), DAY, "deadline") for number in range(1, 4)]
    assert ledger.append_many(batch) == 3
    whole = path.read_bytes()
    for size in range(start, len(whole)):
        path.write_bytes(whole[:size])
        again = Ledger(path)
        buried = sum(again.contains(entry_id) for entry_id, *_rest in batch)
        assert again.append_many(batch) == 3 - buried
        assert [stone.id for stone in again.entries()] == [uuid(number) for number in range(4)]
        assert ledger.contains(uuid(3))


def test_failed_batch_leaves_no_trace(ledger, path, monkeypatch):
    ledger.append(uuid(1), DAY, "deadline")
    before = path.read_bytes()

    def half(fd, data):
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pii_retention.crypto.ledger.write_all", half)
    with pytest.raises(KeyStoreError, match="no space"):
        ledger.append_many([(uuid(number), DAY, "deadline") for number in range(2, 50)])
    assert path.read_bytes() == before and not ledger.contains(uuid(2))


def _open_a_million(path, queue):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    ledger = Ledger(path)
    answers = ledger.contains(uuid(999_999)), ledger.contains(uuid(1_000_000))
    queue.put((answers, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def test_a_hundred_thousand_in_seconds_and_a_million_in_little_memory(ledger, path, figure):
    start = time.perf_counter()
    assert ledger.append_many((uuid(number), DAY, "deadline") for number in range(100_000)) == 100_000
    figure("tombstones_100000_seconds", time.perf_counter() - start, "s")
    line = path.read_bytes().splitlines()[-1]
    with path.open("ab") as out:
        for number in range(100_000, 1_000_000):
            out.write(line.replace(uuid(99_999).encode(), uuid(number).encode()) + b"\n")
    queue = fork.Queue()
    worker = fork.Process(target=_open_a_million, args=(path, queue))
    worker.start()
    answers, seconds, kilobytes = queue.get(timeout=120)
    worker.join()
    assert answers == (True, False)
    figure("ledger_million_open_seconds", seconds, "s")
    figure("ledger_million_mb", kilobytes / 1024, "MB")
    assert kilobytes < 120 * 1024
