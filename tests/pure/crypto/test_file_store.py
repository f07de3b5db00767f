"""The file store: keys appear whole, live where they may, and die for good."""

import hashlib
import json
import os
import stat
from datetime import date

import pytest
from pii_retention.crypto import (
    FileKeyStore,
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    KeyStoreError,
    KeyStoreUnsafe,
    day_key_id,
)

KEY_ID = day_key_id("acme", date(2026, 12, 21))


def key_file(path, key_id=KEY_ID):
    return path / "keys" / (key_id.replace("/", "~") + ".key")


def test_life_of_a_key(store, store_path):
    with pytest.raises(KeyMissing, match=KEY_ID):
        store.read(KEY_ID)
    key = store.create(KEY_ID)
    assert store.create(KEY_ID) == key == store.read(KEY_ID) == FileKeyStore(store_path).read(KEY_ID)
    assert store.exists(KEY_ID) and store.list() == [KEY_ID]
    other = store.create("day/acme2/2026-12-21")
    assert other != key
    assert store.list("day/acme") == [KEY_ID]
    assert store.destroy(KEY_ID, "deadline") is True
    assert store.destroy(KEY_ID, "deadline") is False
    assert not store.exists(KEY_ID) and store.destroyed(KEY_ID) and not key_file(store_path).exists()
    for call in (store.read, store.create, FileKeyStore(store_path).read, FileKeyStore(store_path).create):
        with pytest.raises(KeyDestroyed, match=KEY_ID):
            call(KEY_ID)
    assert store.read("day/acme2/2026-12-21") == other
    store.check()


def test_destroying_a_key_that_never_was_buries_its_id(store):
    assert store.destroy(KEY_ID, "deadline") is False
    with pytest.raises(KeyDestroyed):
        store.create(KEY_ID)


def test_tombstone_says_what_and_when_but_not_who(store, store_path):
    store.create(KEY_ID)
    with pytest.raises(InvalidName):
        store.destroy(KEY_ID, "asked for by Erika Canary")
    store.destroy(KEY_ID + "/2", "early_erasure")
    (line,) = (store_path / "tombstones.jsonl").read_text().splitlines()
    fields = json.loads(line)
    assert fields.keys() == {"v", "id", "day", "at", "reason"}
    assert fields["id"] == KEY_ID + "/2" and fields["reason"] == "early_erasure" and fields["at"].endswith("Z")


def test_key_bytes_are_overwritten_before_the_name_goes(store, store_path, tmp_path):
    """A second hard link stands for the blocks on the disk."""
    store.create(KEY_ID)
    os.link(key_file(store_path), tmp_path / "blocks")
    size = (tmp_path / "blocks").stat().st_size
    store.destroy(KEY_ID, "deadline")
    assert (tmp_path / "blocks").read_bytes() == bytes(size)


def test_modes_are_tight_whatever_the_umask(tmp_path):
    old = os.umask(0)
    try:
        store = FileKeyStore.initialise(tmp_path / "keys")
        store.create(KEY_ID)
        store.destroy(KEY_ID, "deadline")
        store.create(KEY_ID + "/2")
    finally:
        os.umask(old)
    for folder, names, files in os.walk(tmp_path / "keys"):
        for name in [*names, *files]:
            mode = stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode)
            assert mode == (0o700 if name in names else 0o600), name


@pytest.mark.parametrize(
    "name", [".", "keys", "keystore.json", "tombstones.jsonl", "lock", "keys/day~acme~2026-12-21.key"]
)
def test_loose_permissions_are_refused(store, store_path, name):
    store.create(KEY_ID)
    target = store_path / name
    tight = stat.S_IMODE(target.stat().st_mode)
    for extra in (0o040, 0o020, 0o004, 0o001):
        os.chmod(target, tight | extra)
        with pytest.raises(KeyStoreUnsafe, match="group or others"):
            opened = FileKeyStore(store_path)
            opened.read(KEY_ID)
            opened.check()
        os.chmod(target, tight)
    FileKeyStore(store_path).check()


def test_loose_permissions_do_not_keep_a_key_alive(store, store_path):
    store.create(KEY_ID)
    os.chmod(key_file(store_path), 0o644)
    assert store.destroy(KEY_ID, "deadline")
    assert not key_file(store_path).exists()


@pytest.mark.parametrize("name", [".", "keys", "keystore.json", "tombstones.jsonl", "keys/day~acme~2026-12-21.key"])
def test_foreign_owner_is_refused(store, store_path, name, monkeypatch):
    """Only root can give files away; for others the answers of the system about this one file are changed."""
    store.create(KEY_ID)
    target, stranger = store_path / name, os.geteuid() + 1
    if os.geteuid() == 0:
        os.chown(target, stranger, -1)
    else:
        inode = target.stat().st_ino
        for call in ("fstat", "lstat"):
            monkeypatch.setattr(os, call, _owned_by(getattr(os, call), inode, stranger))
    with pytest.raises(KeyStoreUnsafe, match=f"belongs to user {stranger}"):
        FileKeyStore(store_path).read(KEY_ID)


def _owned_by(real, inode, owner):
    def changed(*args, **kwargs):
        info = real(*args, **kwargs)
        return os.stat_result((*info[:4], owner, *info[5:])) if info.st_ino == inode else info

    return changed


def test_symbolic_links_are_refused(store, store_path, tmp_path):
    store.create(KEY_ID)
    for name in ("keys/day~acme~2026-12-21.key", "tombstones.jsonl", "keystore.json", "keys"):
        target = store_path / name
        os.rename(target, tmp_path / "elsewhere")
        os.symlink(tmp_path / "elsewhere", target)
        with pytest.raises(KeyStoreUnsafe):
            FileKeyStore(store_path).read(KEY_ID)
        os.unlink(target)
        os.rename(tmp_path / "elsewhere", target)
    link = tmp_path / "link"
    link.symlink_to(store_path)
    assert FileKeyStore(link).read(KEY_ID) == store.read(KEY_ID)  # a link to the store is resolved, not refused


def test_world_writable_parent_is_refused(tmp_path):
    parent = tmp_path / "open"
    parent.mkdir()
    os.chmod(parent, 0o777)
    with pytest.raises(KeyStoreUnsafe, match="anybody may rename"):
        FileKeyStore.initialise(parent / "keys")
    os.chmod(parent, 0o1777)
    FileKeyStore.initialise(parent / "keys")


def test_forbidden_places(tmp_path, monkeypatch):
    data = tmp_path / "data"
    (data / "filestore").mkdir(parents=True)
    detour = tmp_path / "detour"
    detour.symlink_to(data / "filestore")
    for path, forbidden in (
        (data / "filestore" / "keys", data),
        (data / "filestore", data / "filestore"),
        (detour / "keys", data),
        (data / "keys" / ".." / "filestore" / "x", data / "filestore"),
        (data, data / "filestore"),
        (tmp_path / "a", detour.parent),
        (tmp_path / "not" / "yet" / "keys", tmp_path / "not" / "yet"),
    ):
        with pytest.raises(KeyStoreUnsafe, match="backups of the data"):
            FileKeyStore.initialise(path, forbidden=[tmp_path / "unrelated", forbidden])
        assert not os.path.exists(tmp_path / "not"), "something was made in a forbidden place"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyStoreUnsafe, match="backups of the data"):
        FileKeyStore.initialise(tmp_path / "later" / "keys", forbidden=["later"])
    assert sorted(os.listdir(tmp_path)) == ["data", "detour"]
    FileKeyStore.initialise(tmp_path / "data2", forbidden=[data, tmp_path / "missing"])
    with pytest.raises(KeyStoreUnsafe, match="backups of the data"):
        FileKeyStore(tmp_path / "data2", forbidden=[tmp_path / "data2"])


def test_bind_mount_is_not_another_place(tmp_path, monkeypatch):
    """The same directory under another name, as a bind mount makes it (its stat result is all that shows it)."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda p, **kw: real(data if os.fspath(p) == str(elsewhere) else p, **kw))
    with pytest.raises(KeyStoreUnsafe, match="by way of a mount"):
        FileKeyStore.initialise(elsewhere / "keys", forbidden=[data])


def test_what_is_no_store(tmp_path):
    with pytest.raises(KeyStoreError, match="initialise"):
        FileKeyStore(tmp_path / "missing")
    (tmp_path / "keys").mkdir(mode=0o700, parents=True)
    with pytest.raises(KeyStoreError, match="holds no key store"):
        FileKeyStore(tmp_path / "keys")
    (tmp_path / "keys" / "notes.txt").write_text("x")
    with pytest.raises(KeyStoreUnsafe, match="other files"):
        FileKeyStore.initialise(tmp_path / "keys")


def test_initialise_again_keeps_everything(store, store_path):
    key = store.create(KEY_ID)
    again = FileKeyStore.initialise(store_path)
    assert again.store_id == store.store_id and again.read(KEY_ID) == key


def test_another_store_is_noticed(store, store_path, tmp_path):
    assert FileKeyStore(store_path, store_id=store.store_id).store_id == store.store_id
    other = FileKeyStore.initialise(tmp_path / "other")
    with pytest.raises(KeyStoreError, match="another key store"):
        FileKeyStore(store_path, store_id=other.store_id)


def test_a_store_that_disappears_is_not_an_empty_store(store, store_path, tmp_path):
    store.create(KEY_ID)
    os.rename(store_path, tmp_path / "unmounted")
    for call in (store.read, store.create, store.exists, store.destroyed):
        with pytest.raises(KeyStoreError):
            call(KEY_ID)
    for call in (lambda: store.destroy(KEY_ID, "deadline"), store.list, store.check):
        with pytest.raises(KeyStoreError):
            call()
    store_path.mkdir(mode=0o700)  # the empty mount point
    for call in (store.read, store.create, store.exists):
        with pytest.raises(KeyStoreError):
            call(KEY_ID)
    assert not os.listdir(store_path)
    os.rmdir(store_path)
    os.rename(tmp_path / "unmounted", store_path)
    os.rename(store_path / "keys", tmp_path / "keys only")
    for call in (store.read, store.create, store.exists):
        with pytest.raises(KeyStoreError):
            call(KEY_ID)


@pytest.mark.parametrize("lost", ["tombstones.jsonl", "lock", "keystore.json"])
def test_a_store_with_a_part_missing_makes_no_keys(store, store_path, lost):
    os.unlink(store_path / lost)
    with pytest.raises(KeyStoreError):
        store.create(KEY_ID)
        FileKeyStore(store_path)
        store.check()


def test_cut_damaged_and_swapped_key_files(store, store_path):
    secret = store.create(KEY_ID)
    path = key_file(store_path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(KeyStoreError, match=KEY_ID):
            store.read(KEY_ID)
    accepted = 0
    for position in range(len(whole) * 8):
        raw = bytearray(whole)
        raw[position // 8] ^= 1 << position % 8
        path.write_bytes(raw)
        try:
            assert store.read(KEY_ID) == secret, "a damaged file gave another key"
            accepted += 1  # white space between fields
        except KeyStoreError as error:
            assert error.key_id == KEY_ID
    assert accepted == 0
    path.write_bytes(b"")
    with pytest.raises(KeyStoreError, match=KEY_ID):
        store.create(KEY_ID)
    path.write_bytes(whole)
    other = KEY_ID + "/2"
    key_file(store_path, other).touch(mode=0o600)
    key_file(store_path, other).write_bytes(whole)
    with pytest.raises(KeyStoreError, match="another id"):
        store.read(other)
    with pytest.raises(KeyStoreError, match="another id"):
        store.check()


def test_unknown_wrapping_is_not_taken_for_a_key(store, store_path):
    store.create(KEY_ID)
    fields = json.loads(key_file(store_path).read_bytes())
    for change in ({"wrap": "kms"}, {"v": 2}, {"format": "x"}, {"key": "AAAA"}, {"key": None}):
        changed = {**fields, **change}
        del changed["sum"]
        changed["sum"] = hashlib.sha256(json.dumps(changed).encode()).hexdigest()
        key_file(store_path).write_bytes(json.dumps(changed).encode() + b"\n")
        with pytest.raises(KeyStoreError, match=KEY_ID):
            store.read(KEY_ID)
        restored = {name: value for name, value in fields.items() if name != "sum"}
        assert hashlib.sha256(json.dumps(restored).encode()).hexdigest() == fields["sum"]


def test_restored_key_files_die_again(store, store_path):
    """A backup of the store brings a destroyed key back as a file; its tombstone removes it."""
    store.create(KEY_ID)
    backup = key_file(store_path).read_bytes()
    store.destroy(KEY_ID, "deadline")
    key_file(store_path).touch(mode=0o600)
    key_file(store_path).write_bytes(backup)
    assert not store.exists(KEY_ID) and store.list() == []
    with pytest.raises(KeyDestroyed):
        store.read(KEY_ID)
    FileKeyStore(store_path)
    assert not key_file(store_path).exists()


def test_interrupted_destruction_is_finished(store, store_path, monkeypatch):
    """Killed after the overwriting: dead at once, buried by the next process, never created again."""
    store.create(KEY_ID)
    monkeypatch.setattr(store, "_bury", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.destroy(KEY_ID, "deadline")
    monkeypatch.undo()
    assert not store.destroyed(KEY_ID)
    for call in (store.read, store.create):
        with pytest.raises(KeyDestroyed):
            call(KEY_ID)
    again = FileKeyStore(store_path)
    assert again.destroyed(KEY_ID) and not key_file(store_path).exists()


def test_orphaned_temporary_files_are_swept(store, store_path):
    store.create(KEY_ID)
    os.link(key_file(store_path), store_path / "keys" / ".tmp-0123")  # killed between link and unlink
    (store_path / "keys" / ".tmp-4567").touch(mode=0o600)
    FileKeyStore(store_path)
    assert os.listdir(store_path / "keys") == [key_file(store_path).name]
    store.read(KEY_ID)


def test_key_bytes_stay_out_of_texts(store, store_path):
    raw = store.create(KEY_ID).expose()
    assert raw.hex() not in repr(store) and repr(raw)[2:-1] not in repr(vars(store))
