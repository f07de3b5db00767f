"""What every key store has to do, as tests that run over each of them."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from datetime import date

import pytest
from pii_retention.crypto import (
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    Keyring,
    KeyStoreError,
    MasterKeyUnavailable,
    MasterKeyWrong,
    Secret,
    Wrapping,
    WrongKey,
    day_key_id,
    log_key_id,
)
from pii_retention.crypto.wrapping import LocalWrapper

from support import figures

fork = multiprocessing.get_context("fork")
KEY_ID = day_key_id("acme", date(2026, 12, 21))
KEY_IDS = [f"day/acme/2026-12-{day:02d}" for day in range(1, 29)]
SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11"
FIRST = LocalWrapper(Secret(bytes(range(32))), "test")
SECOND = LocalWrapper(Secret(bytes(range(1, 33))), "test")
ONE, OTHER, BOTH = Wrapping(FIRST), Wrapping(SECOND), Wrapping(SECOND, [FIRST])


class NoAnswer(LocalWrapper):
    """A master key whose service does not answer (after a number of calls)."""

    def __init__(self, calls=0):
        super().__init__(Secret(bytes(range(32))), "test")
        self.calls = calls

    def _count(self):
        self.calls -= 1
        if self.calls < 0:
            raise MasterKeyUnavailable("the service that holds the master key does not answer")

    def wrap(self, key_id, secret):
        self._count()
        return super().wrap(key_id, secret)

    def unwrap(self, key_id, wrapped):
        self._count()
        return super().unwrap(key_id, wrapped)


def _create_all(opener, barrier, queue):
    store = opener(ONE)
    barrier.wait()
    queue.put([store.create(key_id).expose().hex() for key_id in KEY_IDS])


def _create_and_destroy(opener, creates):
    store = opener(ONE)
    for key_id in KEY_IDS:
        with suppress(KeyDestroyed):
            store.create(key_id) if creates else store.destroy(key_id, "deadline")


def _rewrap(opener, pipe):
    store = opener(BOTH)
    pipe.send("ready")
    Keyring(store).rewrap(progress=lambda run: pipe.send(run.done))
    pipe.send("end")


def _read_on(opener, stop, queue):
    store = opener(BOTH)
    reads = 0
    keys = {key_id: store.read(key_id) for key_id in KEY_IDS}
    while not stop.is_set():
        for key_id, key in keys.items():
            assert store.read(key_id) == key
            reads += 1
    queue.put(reads)


class StoreContract:
    """Subclasses have a fixture ``opener``: a function that opens the store of this test with a given wrapping."""

    @pytest.fixture
    def store(self, opener):
        return opener(ONE)

    def test_life_of_a_key(self, store, opener):
        with pytest.raises(KeyMissing, match=KEY_ID):
            store.read(KEY_ID)
        assert not store.exists(KEY_ID) and not store.destroyed(KEY_ID)
        key = store.create(KEY_ID)
        assert store.create(KEY_ID) == key == store.read(KEY_ID) == opener(ONE).read(KEY_ID)
        assert store.exists(KEY_ID) and store.list() == [KEY_ID]
        other = store.create("day/acme2/2026-12-21")
        assert other != key
        assert store.list("day/acme") == [KEY_ID] and store.list("day/acme/") == [KEY_ID]
        assert store.list("day/ac") == [] and len(store.list("day")) == 2
        assert store.destroy(KEY_ID, "deadline") is True
        assert store.destroy(KEY_ID, "deadline") is False
        assert not store.exists(KEY_ID) and store.destroyed(KEY_ID)
        again = opener(ONE)
        for call in (store.read, store.create, again.read, again.create):
            with pytest.raises(KeyDestroyed, match=KEY_ID):
                call(KEY_ID)
        assert store.read("day/acme2/2026-12-21") == other
        store.check()

    def test_destroying_a_key_that_never_was_buries_its_id(self, store):
        assert store.destroy(KEY_ID, "deadline") is False
        with pytest.raises(KeyDestroyed):
            store.create(KEY_ID)

    def test_ids_and_reasons_are_codes(self, store):
        store.create(KEY_ID)
        for call in (store.create, store.read, store.exists, store.destroyed, store.newest, store.rewrap):
            with pytest.raises(InvalidName):
                call("day/../etc")
        with pytest.raises(InvalidName):
            store.destroy(KEY_ID, "asked for by Erika Canary")
        with pytest.raises(InvalidName):
            store.subjects.append("Erika Canary", date(2026, 12, 21), "deadline")
        assert store.exists(KEY_ID)

    def test_generations(self, store):
        assert store.newest(KEY_ID) == KEY_ID
        store.create(KEY_ID)
        assert store.newest(KEY_ID) == KEY_ID
        for number in range(2, 13):
            store.create(f"{KEY_ID}/{number}")
        store.create("day/acme/2026-12-22/2")
        assert store.newest(KEY_ID) == store.newest(f"{KEY_ID}/3") == f"{KEY_ID}/12"
        store.destroy(f"{KEY_ID}/12", "early_erasure")
        assert store.newest(KEY_ID) == f"{KEY_ID}/12"  # a buried generation is not used again

    def test_register_of_revoked_grants(self, store, opener):
        assert store.revoked.append("grant/one", date(2026, 12, 21), "revoked")
        assert not store.revoked.append("grant/one", date(2026, 12, 22), "revoked")
        assert opener(ONE).revoked.contains("grant/one") and not store.revoked.contains("grant/two")
        assert not store.subjects.contains("grant/one") and not list(store.subjects.entries())

    def test_subjects_ledger(self, store, opener):
        assert store.subjects.append(SUBJECT, date(2026, 12, 21), "early_erasure")
        assert not store.subjects.append(SUBJECT, date(2026, 12, 22), "other")
        assert opener(ONE).subjects.contains(SUBJECT) and not store.subjects.contains("other")
        (stone,) = store.subjects.entries()
        assert (stone.id, stone.day, stone.reason) == (SUBJECT, "2026-12-21", "early_erasure")
        assert stone.at.endswith("Z") and len(stone.at) == 20

    def test_anchors(self, store, opener):
        for number in range(3):
            store.anchors.append("log-a", f"value {number}")
            store.anchors.advance("log-a", number, f"head {number}")
        store.anchors.append("log-b", "x")
        again = opener(ONE).anchors
        assert [anchor.value for anchor in again.entries("log-a")] == ["value 0", "value 1", "value 2"]
        assert list(again.names()) == ["log-a", "log-b"] and list(again.entries("log-c")) == []
        again.advance("log-a", 1, "late")
        assert again.furthest("log-a") == (2, "head 2") and again.furthest("log-c") is None
        again.advance("log-a", 1, "late", force=True)
        assert again.furthest("log-a") == (1, "late")
        for call in (lambda: again.append("Log", "x"), lambda: again.append("log-a", "é"), lambda: again.names("x")):
            with pytest.raises((InvalidName, TypeError)):
                call()

    def test_keys_are_stored_wrapped(self, store, opener, everything):
        raw = store.create(KEY_ID).expose()
        stored = everything()
        assert FIRST.current_label().encode() in stored
        for spelling in (raw, raw.hex().encode(), *_base64(raw)):
            assert spelling not in stored
        (entry,) = store.entries()
        assert (entry.key_id, entry.label, entry.problem) == (KEY_ID, FIRST.current_label(), "")
        assert entry.created.endswith("Z")

    def test_another_master_key_is_an_error_that_names_the_key(self, store, opener):
        store.create(KEY_ID)
        with pytest.raises(MasterKeyWrong, match=KEY_ID) as caught:
            opener(OTHER).read(KEY_ID)
        assert FIRST.current_label() in str(caught.value) and "previous" in str(caught.value)
        with pytest.raises(MasterKeyWrong):
            opener(OTHER).check()
        assert opener(OTHER).entries()[0].label == FIRST.current_label()  # a list needs no master key

    def test_a_master_key_out_of_reach(self, store, opener):
        key = store.create(KEY_ID)
        away = opener(Wrapping(NoAnswer()))
        for call in (away.read, away.create):
            with pytest.raises(MasterKeyUnavailable, match=KEY_ID):
                call(KEY_ID)
        with pytest.raises(MasterKeyUnavailable, match=KEY_IDS[0]):
            away.create(KEY_IDS[0])
        assert away.list() == [KEY_ID] and away.exists(KEY_ID) and not away.exists(KEY_IDS[0])
        assert store.read(KEY_ID) == key
        assert away.destroy(KEY_ID, "deadline") is True  # nobody can keep a key alive by taking the master key away

    def test_a_key_is_proven_to_open_before_it_is_used(self, opener):
        half = opener(Wrapping(NoAnswer(1)))  # wraps, and then is gone
        with pytest.raises(MasterKeyUnavailable):
            half.create(KEY_ID)
        assert opener(ONE).create(KEY_ID) == opener(ONE).read(KEY_ID)

    def test_a_lost_or_foreign_store(self, store, opener, foreign):
        ring = Keyring(store)
        ring.create(KEY_ID)
        token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": "x"})
        other = Keyring(foreign)
        assert foreign.store_id != store.store_id
        with pytest.raises(KeyMissing, match=KEY_ID):
            other.open_record("acme", SUBJECT, "operational", token)
        other.create(KEY_ID)
        with pytest.raises(WrongKey, match=KEY_ID):
            other.open_record("acme", SUBJECT, "operational", token)

    def test_replacing_the_master_key(self, store, opener):
        keys = {key_id: store.create(key_id) for key_id in KEY_IDS}
        ring = Keyring(store)
        token = ring.seal_record("acme", KEY_IDS[0], SUBJECT, "operational", {"name": "x"})
        moving = opener(BOTH)
        assert {key_id: moving.read(key_id) for key_id in KEY_IDS} == keys
        assert store.rewrap(KEY_IDS[0]) is False  # has the label of its own wrapping already
        assert moving.create(KEY_IDS[0] + "/2")
        seen = []
        run = Keyring(moving).rewrap(progress=lambda run: seen.append((run.done, run.left)))
        assert (run.total, run.done, run.current, run.left, run.failed) == (29, 28, 1, 0, {}) and run.finished
        assert seen == [(number, 28 - number) for number in range(1, 29)]
        assert {entry.label for entry in moving.entries()} == {SECOND.current_label()}
        done = Keyring(moving).rewrap()
        assert (done.done, done.current) == (0, 29) and done.finished
        only_new = opener(OTHER)
        assert {key_id: only_new.read(key_id) for key_id in KEY_IDS} == keys
        assert Keyring(only_new).open_record("acme", SUBJECT, "operational", token) == {"name": "x"}
        with pytest.raises(MasterKeyWrong):
            opener(ONE).read(KEY_IDS[0])
        only_new.check()

    def test_replacing_stops_when_the_time_is_up_and_goes_on(self, store, opener):
        for key_id in KEY_IDS:
            store.create(key_id)
        done, runs = 0, 0
        while True:
            run = Keyring(opener(BOTH)).rewrap(seconds=0)
            assert run.done == 1 or run.finished
            done, runs = done + run.done, runs + 1
            if run.finished:
                break
        assert done == 28 and runs == 28

    def test_replacing_with_a_service_that_goes_away(self, store, opener):
        keys = {key_id: store.create(key_id) for key_id in KEY_IDS}
        leaving = NoAnswer(10)
        leaving._label = "aes256gcm:0000000000000000"  # another label than the one the keys have
        leaving.opens = lambda label: label == leaving._label
        run = Keyring(opener(Wrapping(leaving, [FIRST]))).rewrap()
        assert run.done == 5 and run.left == 23 and "does not answer" in run.stopped and not run.finished
        leaving.calls = 1000
        again = opener(Wrapping(leaving, [FIRST]))
        assert {key_id: again.read(key_id) for key_id in KEY_IDS} == keys
        assert Keyring(again).rewrap().finished

    def test_a_destroyed_key_is_not_wrapped_again(self, store, opener):
        for key_id in KEY_IDS[:3]:
            store.create(key_id)
        store.destroy(KEY_IDS[1], "deadline")
        assert opener(BOTH).rewrap(KEY_IDS[1]) is False
        assert opener(BOTH).rewrap("day/acme/2027-01-01") is False
        assert Keyring(opener(BOTH)).rewrap().done == 2
        assert not store.exists(KEY_IDS[1])

    def test_a_key_destroyed_while_it_is_being_made(self, store, opener, everything):
        real = store._new

        def destroyed_meanwhile(key_id):
            opener(ONE).destroy(key_id, "deadline")
            return real(key_id)

        store._new = destroyed_meanwhile
        with pytest.raises(KeyDestroyed, match=KEY_ID):
            store.create(KEY_ID)
        assert FIRST.current_label().encode() not in everything()

    def test_log_of_operations(self, opener):
        store = opener(ONE, actor=lambda: "db/web/7\nline")
        store.create(KEY_ID)
        store.create(KEY_ID)
        opener(BOTH).rewrap(KEY_ID)
        for _ in range(3):  # the same failure again and again is one line
            with pytest.raises(MasterKeyWrong):
                store.read(KEY_ID)
        store.destroy(KEY_ID, "deadline")
        store.destroy(KEY_ID, "deadline")
        lines = [(line.operation, line.key_id, line.outcome) for line in store.operations(20)]
        assert [line for line in lines if line[0] != "tidy"][:4] == [
            ("destroy", KEY_ID, "done"),
            ("read", KEY_ID, "failed"),
            ("rewrap", KEY_ID, "done"),
            ("create", KEY_ID, "done"),
        ]
        assert lines[-1][0] == "initialise" and len(lines) <= 6
        destroyed = store.operations(1)[0]
        assert destroyed.detail == "deadline" and destroyed.actor == "db/web/7?line" and destroyed.at.endswith("Z")
        rewrapped = next(line for line in store.operations(20) if line.operation == "rewrap")
        assert rewrapped.detail == f"{FIRST.current_label()} -> {SECOND.current_label()}"

    def test_the_caller_may_fail_to_say_who_it_is(self, opener):
        store = opener(ONE, actor=lambda: 1 / 0)
        store.create(KEY_ID)
        assert store.destroy(KEY_ID, "deadline") and store.operations(1)[0].actor == "unknown"

    def test_mac_under_log_and_day_keys(self, store, opener):
        ring = Keyring(store)
        key_id = ring.ensure(log_key_id("acme", date(2026, 11, 21)))
        seal = ring.mac(key_id, b"row", label="log")
        assert len(seal) == 32 and seal == Keyring(opener(ONE)).mac("log/acme/2026-11", b"row", label="log")
        ring.create(KEY_ID)
        assert (
            len({seal, *(ring.mac(KEY_ID, b"row", label=label) for label in ("log", "blind/name", "blind/email"))}) == 4
        )
        ring.destroy(KEY_ID, "deadline")
        with pytest.raises(KeyDestroyed):
            ring.mac(KEY_ID, b"row", label="blind/name")
        for label in ("check", "subject", "", "/x", "A", "blind/", "a" * 65):
            with pytest.raises(InvalidName):
                ring.mac(key_id, b"row", label=label)

    # === PROCESSES === #

    def test_eight_processes_get_one_key(self, store, opener):
        barrier, queue = fork.Barrier(8), fork.Queue()
        workers = [fork.Process(target=_create_all, args=(opener, barrier, queue), daemon=True) for _ in range(8)]
        for worker in workers:
            worker.start()
        answers = [queue.get(timeout=60) for _ in workers]
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert all(answer == answers[0] for answer in answers) and len(set(answers[0])) == len(KEY_IDS)
        assert [store.read(key_id).expose().hex() for key_id in KEY_IDS] == answers[0]
        created = [line.key_id for line in store.operations(1000) if line.operation == "create"]
        assert sorted(created) == KEY_IDS  # one line a key, whoever won

    def test_creating_against_destroying(self, store, opener):
        workers = [
            fork.Process(target=_create_and_destroy, args=(opener, creates), daemon=True)
            for creates in (True, False, True, False)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert store.list() == [] and all(store.destroyed(key_id) for key_id in KEY_IDS)
        store.check()

    def test_killed_while_replacing_the_master_key(self, store, opener, capsys):
        """kill -9 at random moments: every key opens with old or new, and the next run finishes."""
        keys = {key_id: store.create(key_id) for key_id in KEY_IDS}
        rng = random.Random(20261121)
        kills = 0
        for _attempt in range(12):
            ours, theirs = fork.Pipe()
            worker = fork.Process(target=_rewrap, args=(opener, theirs), daemon=True)
            worker.start()
            assert ours.recv() == "ready"
            for _step in range(rng.randint(0, 2)):
                ours.recv()
            time.sleep(rng.uniform(0, 0.004))
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
            kills += 1
            between = opener(BOTH)
            assert {key_id: between.read(key_id) for key_id in KEY_IDS} == keys
        run = Keyring(opener(BOTH)).rewrap()
        assert run.finished
        final = opener(OTHER)
        assert {key_id: final.read(key_id) for key_id in KEY_IDS} == keys
        final.check()
        with capsys.disabled():
            figures.figure(f"kills_during_rewrap_{type(store).__name__}", kills, "kills")

    def test_reading_while_the_master_key_is_replaced(self, store, opener, capsys):
        for key_id in KEY_IDS:
            store.create(key_id)
        stop, queue = fork.Event(), fork.Queue()
        readers = [fork.Process(target=_read_on, args=(opener, stop, queue), daemon=True) for _ in range(2)]
        for reader in readers:
            reader.start()
        time.sleep(0.1)
        for wrapping in (BOTH, Wrapping(FIRST, [SECOND]), BOTH):
            assert Keyring(opener(wrapping)).rewrap().finished
        stop.set()
        reads = sum(queue.get(timeout=60) for _ in readers)
        for reader in readers:
            reader.join()
            assert reader.exitcode == 0
        with capsys.disabled():
            figures.figure(f"reads_during_rewrap_{type(store).__name__}", reads, "reads")

    def test_a_damaged_key_does_not_hide_the_others(self, store, opener, damage):
        for key_id in KEY_IDS[:3]:
            store.create(key_id)
        damage(KEY_IDS[1])
        problems = {entry.key_id: bool(entry.problem) for entry in store.entries()}
        assert problems == {KEY_IDS[0]: False, KEY_IDS[1]: True, KEY_IDS[2]: False}
        with pytest.raises(KeyStoreError, match=KEY_IDS[1]):
            store.read(KEY_IDS[1])
        with pytest.raises(KeyStoreError, match=KEY_IDS[1]):
            store.check()
        run = Keyring(opener(BOTH)).rewrap()
        assert run.done == 2 and list(run.failed) == [KEY_IDS[1]] and not run.finished
        assert store.destroy(KEY_IDS[1], "deadline")


def _base64(raw):
    import base64

    return base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")
