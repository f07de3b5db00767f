"""Many processes with one store, some of them killed."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

from pii_retention.crypto import (
    KeyDestroyed,
    Keyring,
    Wrapping,
)

from support import figures

from .values import BOTH, FIRST, KEY_IDS, ONE, OTHER, SECOND, fork


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


class ProcessesContract:
    """What processes do to each other."""

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
