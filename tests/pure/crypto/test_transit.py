"""The master key in Transit of Vault or OpenBao: over HTTP, against a stand-in that answers as they do."""

import http.client
import logging
import multiprocessing
import os
import socket

import pytest
from pii_retention.crypto import (
    FileKeyStore,
    KeyDestroyed,
    Keyring,
    KeyStoreError,
    KeyStoreUnsafe,
    MasterKeyUnavailable,
    MasterKeyWrong,
    MasterOptions,
    Secret,
    Wrapping,
    wrapper_from,
)
from pii_retention.crypto.wrapping import Wrapped
from pii_retention.crypto.wrapping import transit as module

from support.transit import Key, transit

KEY_ID, OTHER_ID = "day/acme/2026-12-21", "day/acme/2026-12-22"
SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11"
TOKEN = "s.usual-token"
fork = multiprocessing.get_context("fork")


@pytest.fixture
def vault():
    with transit() as running:
        yield running


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def wrapper(vault, token_file):
    return wrapper_from(f"transit:{vault.url}/transit/pii", MasterOptions(token=f"file:{token_file}"))


@pytest.fixture
def wrapped_store(tmp_path, wrapper):
    return FileKeyStore.initialise(tmp_path / "keys", wrapping=Wrapping(wrapper))


def test_round_trip_over_http(vault, wrapper):
    secret = Secret(os.urandom(32))
    wrapped = wrapper.wrap(KEY_ID, secret)
    assert wrapped.label == "transit:transit/pii:v1" and wrapped.blob.startswith(b"vault:v1:")
    assert wrapper.unwrap(KEY_ID, wrapped) == secret
    assert wrapper.opens("transit:transit/pii:v7") and not wrapper.opens("transit:transit/other:v1")
    wrapper.check()
    assert ("POST", "/v1/transit/encrypt/pii") in vault.requests


def test_bound_to_the_id(wrapper):
    wrapped = wrapper.wrap(KEY_ID, Secret(os.urandom(32)))
    with pytest.raises(MasterKeyWrong, match=OTHER_ID):
        wrapper.unwrap(OTHER_ID, wrapped)


def test_changed_ciphertexts(wrapper):
    wrapped = wrapper.wrap(KEY_ID, Secret(os.urandom(32)))
    for blob in (
        b"",
        b"x",
        wrapped.blob[:-8],
        wrapped.blob[:-5] + b"AAAA=",
        wrapped.blob.replace(b"v1", b"v2"),
        wrapped.blob.replace(b"vault:", b"other:"),
        b"vault:v1:",
        b"\xff\xfe",
    ):
        with pytest.raises((MasterKeyWrong, MasterKeyUnavailable), match=KEY_ID):
            wrapper.unwrap(KEY_ID, Wrapped(wrapped.label, blob))


def test_unwrapped_once_per_time_to_live(vault, wrapped_store):
    now = [0.0]
    ring = Keyring(wrapped_store, ttl=60, clock=lambda: now[0])
    key_id = ring.ensure(KEY_ID)
    vault.requests.clear()
    tokens = []
    for _ in range(50):
        ring.ensure(KEY_ID)
        tokens.append(ring.seal_record("acme", key_id, SUBJECT, "operational", {"name": "x"}))
        ring.open_record("acme", SUBJECT, "operational", tokens[-1])
    assert vault.requests == []
    now[0] = 61
    ring.open_record("acme", SUBJECT, "operational", tokens[0])
    ring.open_record("acme", SUBJECT, "operational", tokens[1])
    assert vault.requests == [("POST", "/v1/transit/decrypt/pii")]


def test_rotation_in_the_service(vault, wrapped_store):
    keys = {f"secret/acme/{number}": wrapped_store.create(f"secret/acme/{number}") for number in range(2, 8)}
    ring = Keyring(wrapped_store)
    assert ring.rewrap().done == 0
    vault.rotate("pii")
    assert {key_id: wrapped_store.read(key_id) for key_id in keys} == keys
    run = ring.rewrap()
    assert run.done == 6 and run.finished
    assert {entry.label for entry in wrapped_store.entries()} == {"transit:transit/pii:v2"}
    vault.keys["pii"].min_decryption_version = 2  # what the operator does once the run is finished
    assert {key_id: wrapped_store.read(key_id) for key_id in keys} == keys


def test_a_version_that_was_forbidden_too_early(vault, wrapped_store):
    wrapped_store.create(KEY_ID)
    vault.rotate("pii")
    vault.keys["pii"].min_decryption_version = 2
    with pytest.raises(MasterKeyUnavailable, match=f"{KEY_ID}.*min_decryption_version"):
        wrapped_store.read(KEY_ID)
    vault.keys["pii"].min_decryption_version = 1
    assert Keyring(wrapped_store).rewrap().done == 1


def test_from_a_file_to_the_service_and_back(tmp_path, monkeypatch, wrapper):
    monkeypatch.setenv("TEST_MASTER", os.urandom(32).hex())
    local = wrapper_from("env:TEST_MASTER")
    path = tmp_path / "keys"
    key = FileKeyStore.initialise(path, wrapping=Wrapping(local)).create(KEY_ID)
    for primary, previous in ((wrapper, local), (local, wrapper)):
        store = FileKeyStore(path, wrapping=Wrapping(primary, [previous]))
        assert Keyring(store).rewrap().finished and store.read(KEY_ID) == key
        assert FileKeyStore(path, wrapping=Wrapping(primary)).read(KEY_ID) == key


SITUATIONS = {
    "sealed": (lambda vault: setattr(vault, "sealed", True), "sealed; somebody has to unseal it"),
    "token revoked": (lambda vault: vault.policies.clear(), "permission denied"),
    "no right": (lambda vault: vault.policies.update({TOKEN: {"keys"}}), "permission denied"),
    "no key": (lambda vault: vault.keys.clear(), "no key of this name"),
    "no mount": (lambda vault: setattr(vault, "mount", "elsewhere"), "no Transit engine"),
    "other namespace": (lambda vault: setattr(vault, "namespace", "team"), "no Transit engine"),
    "server error": (lambda vault: vault.fail_next.append(500), "a problem of its own"),
    "gateway": (lambda vault: vault.fail_next.append(502), "a problem of its own"),
    "too many": (lambda vault: vault.fail_next.append(429), "too often"),
    "standby": (lambda vault: vault.fail_next.append(307), "redirection"),
    "teapot": (lambda vault: vault.fail_next.append(418), "refused the request"),
    "nonsense": (lambda vault: vault.fail_next.append(200), "not of a Transit service"),
    "no AEAD": (lambda vault: setattr(vault.keys["pii"], "type", "rsa-4096"), "associated data"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_refusals_are_clear_and_leave_nothing(vault, wrapped_store, situation, tmp_path):
    kept = wrapped_store.create(KEY_ID)
    change, expected = SITUATIONS[situation]
    change(vault)
    with pytest.raises(MasterKeyUnavailable, match=expected) as caught:
        wrapped_store.create(OTHER_ID)
    assert caught.value.key_id == OTHER_ID and TOKEN not in str(caught.value)
    assert wrapped_store.list() == [KEY_ID] and not wrapped_store.exists(OTHER_ID)
    assert [line.operation for line in wrapped_store.operations(1)] == ["create"]
    assert wrapped_store.operations(1)[0].outcome == "failed"
    if situation == "no key":
        vault.keys["pii"] = Key()  # made again under the same name, as version 1: not the same key
        with pytest.raises(MasterKeyWrong, match=f"{KEY_ID}.*same name"):
            wrapped_store.read(KEY_ID)
        return
    vault.__dict__.update(mount="transit", namespace="", sealed=False, fail_next=[])
    vault.policies[TOKEN] = {"encrypt", "decrypt"}
    vault.keys["pii"].type = "aes256-gcm96"
    assert wrapped_store.read(KEY_ID) == kept and wrapped_store.create(OTHER_ID)


@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_each_right_alone(vault, wrapped_store, operation):
    wrapped_store.create(KEY_ID)
    vault.policies[TOKEN] = {operation}
    if operation == "decrypt":
        wrapped_store.read(KEY_ID)
        with pytest.raises(MasterKeyUnavailable):
            wrapped_store.create(OTHER_ID)
        return
    with pytest.raises(MasterKeyUnavailable, match=KEY_ID):
        wrapped_store.read(KEY_ID)
    with pytest.raises(MasterKeyUnavailable):
        wrapped_store.create(OTHER_ID)  # wrapped, but not proven to open: refused before anything is sealed with it
    vault.policies[TOKEN] = {"encrypt", "decrypt"}
    wrapped_store.create(OTHER_ID)


def test_a_service_that_is_gone_or_slow(vault, wrapped_store, wrapper, monkeypatch):
    ring = Keyring(wrapped_store, ttl=0)
    ring.create(KEY_ID)
    token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": "x"})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    there = wrapper._base
    wrapper._base = f"http://127.0.0.1:{closed}/v1/transit"
    with pytest.raises(MasterKeyUnavailable, match=f"{KEY_ID}.*cannot be reached.*nothing was changed") as caught:
        ring.open_record("acme", SUBJECT, "operational", token)
    assert caught.value.__cause__ is None and caught.value.__context__ is None, "the request rides along"
    wrapper._base = there
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    wrapper._client = None
    vault.delay = 0.6
    with pytest.raises(MasterKeyUnavailable, match="did not answer in time"):
        ring.open_record("acme", SUBJECT, "operational", token)
    vault.delay = 0
    assert ring.open_record("acme", SUBJECT, "operational", token) == {"name": "x"}
    assert ring.destroy(KEY_ID, "deadline")
    with pytest.raises(KeyDestroyed):
        ring.open_record("acme", SUBJECT, "operational", token)


def test_rotation_with_a_service_that_seals_itself(vault, wrapped_store):
    keys = {f"secret/acme/{number}": wrapped_store.create(f"secret/acme/{number}") for number in range(2, 12)}
    vault.rotate("pii")

    def seal_it(run):
        vault.sealed = run.done == 4

    run = Keyring(wrapped_store).rewrap(progress=seal_it)
    assert (run.done, run.left, run.failed) == (4, 6, {}) and "sealed" in run.stopped
    with pytest.raises(MasterKeyUnavailable):
        Keyring(wrapped_store).rewrap()
    vault.sealed = False
    assert {key_id: wrapped_store.read(key_id) for key_id in keys} == keys
    assert Keyring(wrapped_store).rewrap().done == 6


def test_token_is_renewed_in_place(vault, wrapper, token_file):
    wrapper.check()
    vault.policies.clear()
    vault.policies["s.next-token"] = {"encrypt", "decrypt"}
    with pytest.raises(MasterKeyUnavailable, match="permission denied"):
        wrapper.check()
    token_file.write_text("s.next-token")
    wrapper.check()


def test_token_sources(vault, wrapper, token_file, monkeypatch, tmp_path):
    os.chmod(token_file, 0o644)
    with pytest.raises(KeyStoreUnsafe, match="group or others"):
        wrapper.check()
    os.chmod(token_file, 0o600)
    for text in ("", "short", "with space in it", "line\nbreak-in-it"):
        token_file.write_text(text)
        with pytest.raises(MasterKeyUnavailable, match="holds no token"):
            wrapper.check()
    os.unlink(token_file)
    with pytest.raises(MasterKeyUnavailable, match="is not there"):
        wrapper.check()
    spec = f"transit:{vault.url}/transit/pii"
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    with pytest.raises(MasterKeyUnavailable, match="VAULT_TOKEN"):
        wrapper_from(spec).check()
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    wrapper_from(spec).check()
    with pytest.raises(KeyStoreUnsafe, match="file:/path or env:NAME"):
        wrapper_from(spec, MasterOptions(token=TOKEN))


def test_namespaces_and_deep_mounts(vault, token_file):
    vault.namespace, vault.mount = "team", "engines/transit"
    options = MasterOptions(token=f"file:{token_file}", namespace="team")
    wrapper = wrapper_from(f"transit:{vault.url}/engines/transit/pii", options)
    wrapper.check()
    assert wrapper.current_label() == "transit:engines/transit/pii:v1"


def test_an_exportable_master_key_is_refused(vault, wrapper):
    vault.keys["pii"].exportable = True
    with pytest.raises(KeyStoreUnsafe, match="exported in clear"):
        wrapper.check()
    vault.policies[TOKEN] = {"encrypt", "decrypt"}  # may not look: nothing to say
    wrapper.check()


def test_proxies_of_the_environment_are_not_used(wrapper, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    wrapper._client = None
    wrapper.check()


def _in_child(wrapper, wrapped, queue):
    queue.put(wrapper.unwrap(KEY_ID, wrapped).expose())


def test_a_forked_process_has_connections_of_its_own(wrapper):
    secret = Secret(os.urandom(32))
    wrapped = wrapper.wrap(KEY_ID, secret)
    queue = fork.Queue()
    workers = [fork.Process(target=_in_child, args=(wrapper, wrapped, queue), daemon=True) for _ in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(20):
        assert wrapper.unwrap(KEY_ID, wrapped) == secret
    assert {queue.get(timeout=30) for _ in workers} == {secret.expose()}


def test_nothing_secret_is_logged(wrapper, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    secret = Secret(bytes(range(32)))
    wrapper.unwrap(KEY_ID, wrapper.wrap(KEY_ID, secret))
    assert TOKEN not in caplog.text and "AAECAwQF" not in caplog.text


def test_the_stand_in_is_strict(vault):
    """The stand-in answers as the real thing to what we must not do."""

    def ask(method, path, body="{}", token=TOKEN):
        connection = http.client.HTTPConnection(vault.url.removeprefix("http://"))
        connection.request(method, path, body, {"X-Vault-Token": token})
        return connection.getresponse().status

    assert ask("POST", "/v1/transit/encrypt/missing", '{"plaintext": "AAAA"}') == 400
    assert "missing" not in vault.keys
    vault.policies[TOKEN].add("create")
    assert ask("POST", "/v1/transit/encrypt/missing", '{"plaintext": "AAAA"}') == 200 and "missing" in vault.keys
    assert ask("POST", "/v1/transit/encrypt/pii", '{"plaintext": "not base64!"}') == 400
    assert ask("POST", "/v1/transit/encrypt/pii") == 400
    assert ask("GET", "/v1/transit/keys/pii", token="wrong") == 403
    assert ask("GET", "/v1/other/keys/pii") == 404
    assert ask("GET", "/v1/sys/health", token="") == 200
    vault.sealed = True
    assert ask("GET", "/v1/sys/health", token="") == 503


def test_errors_of_the_service_do_not_end_the_list(vault, wrapped_store):
    wrapped_store.create(KEY_ID)
    vault.sealed = True
    assert [entry.key_id for entry in wrapped_store.entries()] == [KEY_ID]
    with pytest.raises(KeyStoreError):
        wrapped_store.check()
