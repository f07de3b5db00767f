"""Master keys of our own: known answers, what does not open, where the key may lie."""

import base64
import errno
import hmac
import os
import stat

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pii_retention.crypto import (
    FileKeyStore,
    KeyDestroyed,
    Keyring,
    KeyStoreError,
    KeyStoreUnsafe,
    MasterKeyUnavailable,
    MasterKeyWrong,
    Secret,
    Wrapping,
    wrapper_from,
)
from pii_retention.crypto.encoding import length_prefixed
from pii_retention.crypto.stores import file as module
from pii_retention.crypto.stores import keyfile
from pii_retention.crypto.wrapping import LocalWrapper, Wrapped

KEY_ID = "day/acme/2026-12-21"
MASTER = bytes(range(0x40, 0x60))
STORED = bytes(range(32))
# Frozen forms, version 1. If one of these fails, stored keys no longer open: make a version 2 instead.
FROZEN_LABEL = "aes256gcm:e9c003d2179f48d0"
FROZEN_BLOB = (
    "000102030405060708090a0b37631156340a4a575a2d6fec339d72ae57d648ab8d7c57eda5199422"
    "e0cb2ff04a83d84556a13d464ee0bf9823e97281"
)
FROZEN_FILE = (
    b'{"format": "pii-key", "v": 1, "key_id": "day/acme/2026-12-21", "wrap": "aes256gcm:e9c003d2179f48d0", '
    b'"created": "2026-11-21T08:00:00Z", '
    b'"key": "AAECAwQFBgcICQoLN2MRVjQKSldaLW_sM51yrlfWSKuNfFftpRmUIuDLL_BKg9hFVqE9Rk7gv5gj6XKB", '
    b'"sum": "7f196c7f803274f2a07406b2bd768dcf760ad9641c7325b84911e23eddb0e5aa"}\n'
)
FROZEN_PLAIN_FILE = (
    b'{"format": "pii-key", "v": 1, "key_id": "day/acme/2026-12-21", "wrap": "none", '
    b'"created": "2026-11-21T08:00:00Z", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", '
    b'"sum": "7c4cbc54d802ff9606064f7458cb20aa88b70c00fa844df845772794f3f243fa"}\n'
)


@pytest.fixture
def wrapper():
    return LocalWrapper(Secret(MASTER), "test")


def write(path, text, mode=0o600):
    path.write_text(text)
    os.chmod(path, mode)
    return path


@pytest.fixture
def master_file(tmp_path):
    return write(tmp_path / "master.key", base64.b64encode(MASTER).decode() + "\n")


# === KNOWN ANSWERS === #


def test_frozen_wrapping_v1(wrapper):
    blob = bytes.fromhex(FROZEN_BLOB)
    assert wrapper.current_label() == FROZEN_LABEL
    assert wrapper.unwrap(KEY_ID, Wrapped(FROZEN_LABEL, blob)).expose() == STORED
    # the same by other means: RFC 5869 with a zero salt, then AES-256-GCM
    prk = hmac.digest(bytes(32), MASTER, "sha256")
    key = HKDFExpand(SHA256(), 32, length_prefixed("pii/wrap/v1")).derive(prk)
    aad = b"\0\0\0\x0bpii/wrap/v1\0\0\0\x13" + KEY_ID.encode()
    assert blob == bytes(range(12)) + AESGCM(key).encrypt(bytes(range(12)), STORED, aad)
    mark = HKDFExpand(SHA256(), 32, length_prefixed("pii/master/v1")).derive(prk)
    assert FROZEN_LABEL == f"aes256gcm:{mark[:8].hex()}"


def test_frozen_key_files_v1(wrapper):
    plain = keyfile.decode(FROZEN_PLAIN_FILE, KEY_ID)
    assert plain.wrapped == Wrapped("none", STORED) and plain.created == "2026-11-21T08:00:00Z"
    assert keyfile.encode(KEY_ID, plain.wrapped, plain.created) == FROZEN_PLAIN_FILE
    wrapped = keyfile.decode(FROZEN_FILE, KEY_ID)
    assert wrapper.unwrap(KEY_ID, wrapped.wrapped).expose() == STORED
    assert keyfile.encode(KEY_ID, wrapped.wrapped, wrapped.created) == FROZEN_FILE


def test_frozen_mac_v1():
    class OneKey:
        exists_is_cheap = True

        def exists(self, key_id):
            return True

        def read(self, key_id):
            return Secret(STORED)

    ring = Keyring(OneKey())
    assert ring.mac("log/acme/2026-11", b"row 1", label="log").hex() == (
        "f28b1f5a60933802d164e0f37172dc1279bea1185946681bdf8bc4a3fdc20efc"
    )
    assert ring.mac(KEY_ID, b"erika@example.com", label="blind/email").hex() == (
        "18adc26ab0c9eff36893ff32d4bb728dcd726f9499a9c178ac4fa9581dfc3032"
    )


# === WHAT DOES NOT OPEN === #


def test_every_flipped_bit_and_every_cut(wrapper, figure):
    wrapped = wrapper.wrap(KEY_ID, Secret(STORED))
    assert wrapper.unwrap(KEY_ID, wrapped).expose() == STORED
    tried = 0
    for bit in range(len(wrapped.blob) * 8):
        blob = bytearray(wrapped.blob)
        blob[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MasterKeyWrong, match=KEY_ID):
            wrapper.unwrap(KEY_ID, Wrapped(wrapped.label, bytes(blob)))
        tried += 1
    for size in range(len(wrapped.blob)):
        with pytest.raises(MasterKeyWrong):
            wrapper.unwrap(KEY_ID, Wrapped(wrapped.label, wrapped.blob[:size]))
        tried += 1
    figure("wrapped_key_changes_refused", tried, "changes")


@pytest.mark.parametrize(
    "other",
    ["day/acme/2026-12-22", "day/acme/2026-12-21/2", "day/acme2/2026-12-21", "secret/acme", "archive/acme/2026"],
)
def test_a_wrapped_key_stays_with_its_id(wrapper, other):
    wrapped = wrapper.wrap(KEY_ID, Secret(STORED))
    with pytest.raises(MasterKeyWrong, match=other):
        wrapper.unwrap(other, wrapped)


def test_a_key_moved_to_another_id_in_the_store(tmp_path, wrapper):
    """Whoever can write the store renames a key and mends the checksum: only the wrapping notices."""
    store = FileKeyStore.initialise(tmp_path / "keys", wrapping=Wrapping(wrapper))
    store.create(KEY_ID)
    record = keyfile.decode((tmp_path / "keys" / "keys" / "day~acme~2026-12-21.key").read_bytes(), KEY_ID)
    other = "day/other/2026-12-21"
    write(tmp_path / "keys" / "keys" / "day~other~2026-12-21.key", keyfile.encode(other, record.wrapped).decode())
    with pytest.raises(MasterKeyWrong, match=other):
        store.read(other)


def test_wrapping_twice_gives_other_bytes(wrapper):
    blobs = {wrapper.wrap(KEY_ID, Secret(STORED)).blob for _ in range(1000)}
    assert len(blobs) == len({blob[:12] for blob in blobs}) == 1000


# === A STORE WITHOUT A MASTER KEY GETS ONE === #


def test_wrapping_a_store_that_was_not_wrapped(tmp_path, wrapper):
    path = tmp_path / "keys"
    store = FileKeyStore.initialise(path)
    keys = {f"secret/acme/{number}": store.create(f"secret/acme/{number}") for number in range(2, 12)}
    store.destroy("secret/acme/2", "deadline")
    blocks = tmp_path / "blocks"
    os.link(path / "keys" / "secret~acme~3.key", blocks)  # stands for the blocks on the disk
    size = blocks.stat().st_size
    wrapped = FileKeyStore(path, wrapping=Wrapping(wrapper))
    assert wrapped.read("secret/acme/3") == keys["secret/acme/3"]  # readable before
    assert {entry.label for entry in wrapped.entries()} == {"none"}
    run = Keyring(wrapped).rewrap()
    assert run.finished and run.done == 9
    assert blocks.read_bytes() == bytes(size), "the key in clear was not overwritten"
    for key_id, key in list(keys.items())[1:]:
        assert wrapped.read(key_id) == key
        spellings = key.expose(), base64.urlsafe_b64encode(key.expose()).rstrip(b"=")
        text = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
        assert not [spelling for spelling in spellings if spelling in text]
    with pytest.raises(MasterKeyWrong, match="secret/acme/3"):
        FileKeyStore(path).read("secret/acme/3")  # without the master key
    with pytest.raises(KeyDestroyed):
        wrapped.read("secret/acme/2")


def test_rewrapping_on_a_full_disk_changes_nothing(tmp_path, wrapper, monkeypatch):
    path = tmp_path / "keys"
    store = FileKeyStore.initialise(path)
    key = store.create(KEY_ID)
    before = (path / "keys" / "day~acme~2026-12-21.key").read_bytes()
    target = FileKeyStore(path, wrapping=Wrapping(wrapper))
    real = os.write
    for allowed in (0, 1, 100, len(before) - 1):

        def write(fd, data, allowed=allowed):
            if allowed:
                real(fd, bytes(data)[:allowed])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            with pytest.raises(KeyStoreError, match="no space"):
                target.rewrap(KEY_ID)
        assert (path / "keys" / "day~acme~2026-12-21.key").read_bytes() == before
        assert os.listdir(path / "keys") == ["day~acme~2026-12-21.key"]
    assert target.rewrap(KEY_ID) and target.read(KEY_ID) == key


def test_a_read_during_the_exchange_is_read_again(tmp_path, wrapper, monkeypatch):
    """The reader has the old file open while it is replaced and zeroed: not a destroyed key."""
    path = tmp_path / "keys"
    key = FileKeyStore.initialise(path).create(KEY_ID)
    store = FileKeyStore(path, wrapping=Wrapping(wrapper))
    real, calls = module.read_all, []

    def read_all(fd, *args):
        calls.append(fd)
        if len(calls) == 1:
            monkeypatch.setattr(module, "read_all", real)
            assert FileKeyStore(path, wrapping=Wrapping(wrapper)).rewrap(KEY_ID)
            monkeypatch.setattr(module, "read_all", read_all)
        return real(fd, *args)

    monkeypatch.setattr(module, "read_all", read_all)
    assert store.read(KEY_ID) == key and len(calls) == 2


# === WHERE A MASTER KEY COMES FROM === #


@pytest.mark.parametrize(
    "spell",
    [
        lambda raw: base64.b64encode(raw).decode(),
        lambda raw: base64.b64encode(raw).decode().rstrip("="),
        lambda raw: base64.urlsafe_b64encode(raw).decode(),
        lambda raw: raw.hex(),
        lambda raw: raw.hex().upper() + "\r\n",
        lambda raw: "  " + base64.b64encode(raw).decode() + "\n\n",
    ],
)
def test_spellings_of_a_master_key(tmp_path, monkeypatch, spell):
    raw = bytes(range(0xE0, 0x100))  # has + and / in base64
    monkeypatch.setenv("TEST_MASTER", spell(raw))
    write(tmp_path / "m", spell(raw))
    expected = LocalWrapper(Secret(raw), "x").current_label()
    assert wrapper_from("env:TEST_MASTER").current_label() == expected
    assert wrapper_from(f"file:{tmp_path / 'm'}").current_label() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Zx9-canary-passphrase",
        "Zx9" * 15,
        base64.b64encode(b"x" * 31).decode(),
        "AAAA" * 11,
        "00" * 32,
        "é" * 44,
    ],
    ids=range(8),
)
def test_what_is_no_master_key(tmp_path, monkeypatch, text):
    monkeypatch.setenv("TEST_MASTER", text)
    write(tmp_path / "m", text)
    for spec in ("env:TEST_MASTER", f"file:{tmp_path / 'm'}"):
        with pytest.raises((MasterKeyUnavailable, KeyStoreUnsafe)) as caught:
            wrapper_from(spec)
        assert "Zx9" not in str(caught.value)
    monkeypatch.delenv("TEST_MASTER")
    with pytest.raises(MasterKeyUnavailable, match="TEST_MASTER"):
        wrapper_from("env:TEST_MASTER")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601, 0o444])
def test_a_master_key_that_others_can_read(master_file, mode):
    os.chmod(master_file, mode)
    with pytest.raises(KeyStoreUnsafe, match="group or others"):
        wrapper_from(f"file:{master_file}")
    for tight in (0o600, 0o400):
        os.chmod(master_file, tight)
        wrapper_from(f"file:{master_file}")


def test_places_where_a_master_key_may_not_lie(tmp_path, master_file):
    store = tmp_path / "keys"
    FileKeyStore.initialise(store)
    data = tmp_path / "data"
    data.mkdir()
    text = master_file.read_text()
    (tmp_path / "detour").symlink_to(store)
    for path, forbidden in (
        (store / "master.key", store),
        (store / "keys" / "m", store),
        (tmp_path / "detour" / "master.key", store),
        (data / "m", data),
    ):
        write(path, text)
        with pytest.raises(KeyStoreUnsafe, match="must not share a tree"):
            wrapper_from(f"file:{path}", forbidden=[store, data])
        wrapper_from(f"file:{path}", forbidden=[tmp_path / "elsewhere"])
        os.unlink(path)
        assert forbidden
    (tmp_path / "link.key").symlink_to(master_file)
    with pytest.raises(KeyStoreUnsafe, match="symbolic link"):
        wrapper_from(f"file:{tmp_path / 'link.key'}")
    with pytest.raises(MasterKeyUnavailable, match="is not there"):
        wrapper_from(f"file:{tmp_path / 'missing.key'}")
    (tmp_path / "directory").mkdir(mode=0o700)
    with pytest.raises((KeyStoreUnsafe, MasterKeyUnavailable)):
        wrapper_from(f"file:{tmp_path / 'directory'}")


def test_a_master_key_of_somebody_else(master_file, monkeypatch):
    if os.geteuid() == 0:
        os.chown(master_file, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(KeyStoreUnsafe, match="belongs to user"):
        wrapper_from(f"file:{master_file}")


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "file",
        "file:relative/path",
        "env:",
        "none:x",
        "vault:x",
        "aws-kms:alias/pii",
        "aws-kms:arn:aws:kms:eu-central-1:123456789012:alias/pii",
        "transit:https://vault.example.com",
        "transit:https://vault.example.com/pii",
        "transit:http://vault.example.com/transit/pii",
        "transit:https://user:Zx9@vault.example.com/transit/pii",
        "transit:https://vault.example.com/transit/../pii",
        "transit:https://vault.example.com/transit/pii?x=1",
        "transit:ftp://127.0.0.1/transit/pii",
        "transit:https://vault.example.com:port/transit/pii",
        "Zx9-a-pasted-secret",
    ],
)
def test_specifications_that_are_refused_and_not_repeated(spec):
    with pytest.raises(KeyStoreUnsafe) as caught:
        wrapper_from(spec)
    assert "Zx9" not in str(caught.value)


def test_a_master_key_does_not_show(wrapper):
    shown = repr(wrapper) + repr(Wrapping(wrapper)) + str(vars(wrapper))
    for raw in (MASTER, wrapper._key.expose()):
        assert raw.hex() not in shown and repr(raw)[2:-1] not in shown


def test_moving_the_master_key_needs_no_rewrapping(tmp_path, master_file, monkeypatch):
    store = FileKeyStore.initialise(tmp_path / "keys", wrapping=Wrapping(wrapper_from(f"file:{master_file}")))
    key = store.create(KEY_ID)
    monkeypatch.setenv("TEST_MASTER", MASTER.hex())
    moved = FileKeyStore(tmp_path / "keys", wrapping=Wrapping(wrapper_from("env:TEST_MASTER")))
    assert moved.read(KEY_ID) == key and Keyring(moved).rewrap().done == 0


def test_modes_of_the_files_stay_tight_after_rewrapping(tmp_path, wrapper):
    old = os.umask(0)
    try:
        FileKeyStore.initialise(tmp_path / "keys").create(KEY_ID)
        Keyring(FileKeyStore(tmp_path / "keys", wrapping=Wrapping(wrapper))).rewrap()
    finally:
        os.umask(old)
    for path in (tmp_path / "keys").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
