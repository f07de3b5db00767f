"""Several processes, killed processes, full disks: one key per id, whole or not at all."""

import errno
import fcntl
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import time
from contextlib import suppress

import pytest
from pii_retention.crypto import (
    FileKeyStore,
    KeyDestroyed,
    KeyMissing,
    Keyring,
    KeyStoreError,
)

fork = multiprocessing.get_context("fork")
KEY_IDS = [f"day/acme/2026-12-{day:02d}" for day in range(1, 29)]
SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11"


def _create_all(path, barrier, queue):
    store = FileKeyStore(path)
    barrier.wait()
    queue.put([store.create(key_id).expose().hex() for key_id in KEY_IDS])


def test_eight_processes_get_one_key(store, store_path, figure):
    barrier, queue = fork.Barrier(8), fork.Queue()
    workers = [fork.Process(target=_create_all, args=(store_path, barrier, queue), daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    answers = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0])) == len(KEY_IDS)
    assert [store.read(key_id).expose().hex() for key_id in KEY_IDS] == answers[0]
    figure("create_races", len(KEY_IDS), "keys")


def _initialise(path, barrier, queue):
    barrier.wait()
    store = FileKeyStore.initialise(path)
    queue.put((store.store_id, store.create(KEY_IDS[0]).expose()))


def test_eight_processes_make_one_store(store_path):
    barrier, queue = fork.Barrier(8), fork.Queue()
    workers = [fork.Process(target=_initialise, args=(store_path, barrier, queue), daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    answers = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(answers) == 1


def _create_and_destroy(path, turn, ready):
    store = FileKeyStore(path)
    ready.set()
    for key_id in KEY_IDS:
        with suppress(KeyDestroyed):
            store.create(key_id) if turn else store.destroy(key_id, "deadline")


def test_creating_against_destroying(store, store_path):
    """Whoever comes first: in the end every key is dead and buried."""
    workers = []
    for turn in (True, False, True, False):
        ready = fork.Event()
        workers.append(fork.Process(target=_create_and_destroy, args=(store_path, turn, ready), daemon=True))
        workers[-1].start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert store.list() == [] and all(store.destroyed(key_id) for key_id in KEY_IDS)
    assert os.listdir(store_path / "keys") == []
    assert sum(1 for _stone in store._tombstones.entries()) == len(KEY_IDS)


def _busy(path, generation, connection):
    store = FileKeyStore(path)
    for number in range(2, 1000):
        key_id = f"secret/acme{generation}/{number}"
        connection.send((key_id, store.create(key_id).expose()))
        if number % 3 == 0:
            store.destroy(key_id, "deadline")


def test_killed_at_any_moment(store_path, figure):
    """kill -9 while creating and destroying: a key somebody got is there, no other one is half there, work goes on."""
    rng = random.Random(20261121)
    FileKeyStore.initialise(store_path)
    kills = keys = destroyed = 0
    for generation in range(40):
        ours, theirs = fork.Pipe()
        worker = fork.Process(target=_busy, args=(store_path, generation, theirs), daemon=True)
        worker.start()
        theirs.close()
        known = dict(ours.recv() for _ in range(rng.randint(1, 7)))
        time.sleep(rng.uniform(0, 0.003))
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        kills += 1
        while ours.poll():
            with suppress(EOFError):
                known.update([ours.recv()])
                continue
            break
        store = FileKeyStore(store_path)
        for number in range(2, len(known) + 4):
            key_id = f"secret/acme{generation}/{number}"
            try:
                secret = store.read(key_id)
                keys += 1
            except KeyDestroyed:
                destroyed += 1
                assert number % 3 == 0
                with pytest.raises(KeyDestroyed):
                    store.create(key_id)
            except KeyMissing:
                assert key_id not in known
                assert store.create(key_id) == store.read(key_id)
            else:
                assert secret.expose() == known.get(key_id, secret.expose())
    FileKeyStore(store_path).check()
    assert not [name for name in os.listdir(store_path / "keys") if name.startswith(".tmp")]
    figure("kills_during_create", kills, "kills")
    figure("keys_read_after_kills", keys, "keys")
    figure("keys_dead_after_kills", destroyed, "keys")


def test_destroyed_by_another_process_is_gone_here_at_once(store, store_path):
    keyring = Keyring(store)
    key_id = keyring.ensure(KEY_IDS[0])
    token = keyring.seal_record("acme", key_id, SUBJECT, "operational", {"name": "Erika Canary"})
    keyring.open_record("acme", SUBJECT, "operational", token)
    worker = fork.Process(target=lambda: FileKeyStore(store_path).destroy(key_id, "deadline"), daemon=True)
    worker.start()
    worker.join()
    with pytest.raises(KeyDestroyed):
        keyring.open_record("acme", SUBJECT, "operational", token)
    with pytest.raises(KeyDestroyed):
        keyring.seal_record("acme", key_id, SUBJECT, "operational", {})


def _hold_lock(path, connection):
    with FileKeyStore(path)._directory.mutation():
        connection.send("held")
        connection.recv()


def test_a_stuck_process_is_named_not_waited_for(store, store_path):
    ours, theirs = fork.Pipe()
    worker = fork.Process(target=_hold_lock, args=(store_path, theirs), daemon=True)
    worker.start()
    assert ours.recv() == "held"
    impatient = FileKeyStore(store_path, lock_seconds=0.1)
    with pytest.raises(KeyStoreError, match=r"another process.*0.1 seconds") as caught:
        impatient.create(KEY_IDS[0])
    assert caught.value.key_id == KEY_IDS[0]
    os.kill(worker.pid, signal.SIGKILL)  # the kernel frees the lock of the dead
    worker.join()
    impatient.create(KEY_IDS[0])


def _with_file_limit(path, limit, connection):
    store = FileKeyStore(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for call in (lambda: store.create(KEY_IDS[0]), lambda: store.destroy(KEY_IDS[1], "deadline")):
        try:
            call()
            connection.send(None)
        except KeyStoreError as error:
            connection.send(error)


@pytest.mark.parametrize("limit", [0, 1, 100])
def test_writes_that_end_in_the_middle(store, store_path, limit):
    """A file size limit on the process: unlike on a full disk, even overwriting in place is cut short."""
    store.create(KEY_IDS[1])
    ours, theirs = fork.Pipe()
    worker = fork.Process(target=_with_file_limit, args=(store_path, limit, theirs), daemon=True)
    worker.start()
    created, destroyed = ours.recv(), ours.recv()
    worker.join()
    assert "no space" in str(created) and created.key_id == KEY_IDS[0]
    assert "no space" in str(destroyed) and destroyed.key_id == KEY_IDS[1]
    with pytest.raises(KeyMissing):
        store.read(KEY_IDS[0])
    store.create(KEY_IDS[0])
    store.destroy(KEY_IDS[1], "deadline")
    store.check()


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A directory and two functions, one that fills its disk and one that frees it: a real file system of 64 KiB where
    we may mount one, else a system that refuses every write that would make a file longer."""
    point = tmp_path / "disk"
    point.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(point)]
    if os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0:
        yield point, lambda: _fill(point / "ballast"), lambda: os.unlink(point / "ballast")
        subprocess.run(["umount", str(point)], check=True)
        return

    real = os.write

    def write(fd, data):
        at = os.lseek(fd, 0, os.SEEK_CUR)
        if at + len(data) > os.fstat(fd).st_size or fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    yield point, lambda: monkeypatch.setattr(os, "write", write), monkeypatch.undo


def _fill(path):
    with suppress(OSError), open(path, "wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def test_full_disk(small_disk):
    """No key comes into being, and yet a key that is due can be erased."""
    disk, fill, free = small_disk
    path = disk / "keys"
    store = FileKeyStore.initialise(path)
    store.create(KEY_IDS[1])
    for number in range(60):  # fill the ledger's last block, so that the next line needs a new one
        store.destroy(f"secret/other/{number + 2}", "deadline")
        if (path / "tombstones.jsonl").stat().st_size % 4096 > 4096 - 90:
            break
    fill()
    with pytest.raises(KeyStoreError, match="no space") as created:
        store.create(KEY_IDS[0])
    with pytest.raises(KeyStoreError, match="the key is erased.*no space") as destroyed:
        store.destroy(KEY_IDS[1], "deadline")
    assert (created.value.key_id, destroyed.value.key_id) == (KEY_IDS[0], KEY_IDS[1])
    with pytest.raises(KeyMissing):
        store.read(KEY_IDS[0])
    for call in (store.read, store.create):
        with pytest.raises(KeyDestroyed):
            call(KEY_IDS[1])
    assert not [name for name in os.listdir(path / "keys") if name.startswith(".tmp")]
    free()
    assert store.destroy(KEY_IDS[1], "deadline") is False  # it was erased on the full disk; now it is buried too
    assert store.destroyed(KEY_IDS[1])
    store.create(KEY_IDS[0])
    store.check()
