"""The master key in AWS KMS: boto3 over HTTP against moto's server."""

import os
import socket
import subprocess
import sys
import urllib.request

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto.server import ThreadedMotoServer
from pii_retention.crypto import (
    FileKeyStore,
    Keyring,
    KeyStoreUnsafe,
    MasterKeyUnavailable,
    MasterKeyWrong,
    MasterOptions,
    Secret,
    Wrapping,
    wrapper_from,
)
from pii_retention.crypto.wrapping import Wrapped

KEY_ID, OTHER_ID = "day/acme/2026-12-21", "day/acme/2026-12-22"
SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11"
REGION = "eu-central-1"


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def kms(endpoint):
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    return boto3.client("kms", region_name=REGION, endpoint_url=endpoint)


@pytest.fixture
def arn(kms):
    return kms.create_key(Description="master key")["KeyMetadata"]["Arn"]


@pytest.fixture
def wrapper(arn, endpoint):
    return wrapper_from(f"aws-kms:{arn}", MasterOptions(endpoint=endpoint))


@pytest.fixture
def wrapped_store(tmp_path, wrapper):
    return FileKeyStore.initialise(tmp_path / "keys", wrapping=Wrapping(wrapper))


def test_round_trip(wrapper, arn):
    secret = Secret(os.urandom(32))
    wrapped = wrapper.wrap(KEY_ID, secret)
    assert wrapped.label == f"aws-kms:{arn}" == wrapper.current_label() and secret.expose() not in wrapped.blob
    assert wrapper.unwrap(KEY_ID, wrapped) == secret
    wrapper.check()


def test_bound_to_the_id_by_the_encryption_context(wrapper, kms, arn):
    secret = Secret(os.urandom(32))
    wrapped = wrapper.wrap(KEY_ID, secret)
    with pytest.raises(MasterKeyWrong, match=OTHER_ID):
        wrapper.unwrap(OTHER_ID, wrapped)
    context = {"purpose": "odoo-pii-key", "key_id": KEY_ID}
    plain = kms.decrypt(KeyId=arn, CiphertextBlob=wrapped.blob, EncryptionContext=context)["Plaintext"]
    assert plain == secret.expose()


def test_changed_and_foreign_ciphertexts(wrapper, kms, endpoint):
    wrapped = wrapper.wrap(KEY_ID, Secret(os.urandom(32)))
    flipped = wrapped.blob[:-1] + bytes([wrapped.blob[-1] ^ 1])
    with pytest.raises(MasterKeyWrong, match=KEY_ID):
        wrapper.unwrap(KEY_ID, Wrapped(wrapped.label, flipped))
    other_arn = kms.create_key()["KeyMetadata"]["Arn"]
    other = wrapper_from(f"aws-kms:{other_arn}", MasterOptions(endpoint=endpoint))
    assert not other.opens(wrapped.label)


def test_store_and_rewrapping(tmp_path, wrapped_store, wrapper, kms, endpoint):
    keys = {f"secret/acme/{number}": wrapped_store.create(f"secret/acme/{number}") for number in range(2, 8)}
    ring = Keyring(wrapped_store)
    token = ring.seal_record("acme", "secret/acme/2", SUBJECT, "secret", {"value": "x"})
    new_arn = kms.create_key()["KeyMetadata"]["Arn"]
    new = wrapper_from(f"aws-kms:{new_arn}", MasterOptions(endpoint=endpoint))
    moving = FileKeyStore(tmp_path / "keys", wrapping=Wrapping(new, [wrapper]))
    assert {key_id: moving.read(key_id) for key_id in keys} == keys
    assert Keyring(moving).rewrap().done == 6
    alone = FileKeyStore(tmp_path / "keys", wrapping=Wrapping(new))
    assert Keyring(alone).open_record("acme", SUBJECT, "secret", token) == {"value": "x"}
    alone.check()


def test_a_key_that_does_not_exist(wrapped_store, arn, endpoint):
    missing = arn[:-12] + "0" * 12
    away = FileKeyStore(
        wrapped_store._directory.root,
        wrapping=Wrapping(wrapper_from(f"aws-kms:{missing}", MasterOptions(endpoint=endpoint))),
    )
    with pytest.raises(MasterKeyUnavailable, match=f"{KEY_ID}.*does not exist"):
        away.create(KEY_ID)
    assert away.list() == []
    assert wrapped_store.create(KEY_ID) == wrapped_store.read(KEY_ID)


def test_out_of_reach(arn, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    wrapper = wrapper_from(f"aws-kms:{arn}", MasterOptions(endpoint=f"http://127.0.0.1:{port}"))
    with pytest.raises(MasterKeyUnavailable, match=f"{KEY_ID}.*cannot be reached"):
        wrapper.wrap(KEY_ID, Secret(os.urandom(32)))


def test_without_credentials(arn, endpoint, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    wrapper = wrapper_from(f"aws-kms:{arn}", MasterOptions(endpoint=endpoint))
    with pytest.raises(MasterKeyUnavailable, match="no AWS credentials"):
        wrapper.wrap(KEY_ID, Secret(os.urandom(32)))


REFUSALS = {
    "AccessDeniedException": "may not use it",
    "DisabledException": "is disabled",
    "KMSInvalidStateException": "pending deletion",
    "ThrottlingException": "too often",
    "ExpiredTokenException": "expired",
    "KMSInternalException": "the service refused",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_refusals_that_moto_does_not_give(wrapped_store, wrapper, code):
    """Through botocore's own parsing of an HTTP answer of the service."""
    kept = wrapped_store.create(KEY_ID)
    refuse = True

    class Raw:
        def stream(self, *_args, **_kwargs):
            yield b'{"__type": "%s", "message": "Zx9-canary"}' % code.encode()

    def send(request, **_more):
        answer = {"Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, 400, answer, Raw()) if refuse else None

    wrapper._client.meta.events.register("before-send.kms", send)
    for call, key_id in ((wrapped_store.create, OTHER_ID), (wrapped_store.read, KEY_ID)):
        with pytest.raises(MasterKeyUnavailable, match=f"{key_id}.*{REFUSALS[code]}.*{code}") as caught:
            call(key_id)
        assert "Zx9" not in str(caught.value)
    assert wrapped_store.list() == [KEY_ID]
    assert wrapped_store.destroy(OTHER_ID, "deadline") is False
    refuse = False
    assert wrapped_store.read(KEY_ID) == kept


def test_an_endpoint_has_to_be_safe(arn):
    for url in ("http://kms.example.com", "ftp://127.0.0.1", "kms"):
        with pytest.raises(KeyStoreUnsafe):
            wrapper_from(f"aws-kms:{arn}", MasterOptions(endpoint=url))


def test_debug_logs_hold_no_keys(wrapper, caplog):
    caplog.set_level("DEBUG")
    secret = Secret(bytes(range(32)))
    wrapper.unwrap(KEY_ID, wrapper.wrap(KEY_ID, secret))
    assert "AAECAwQF" not in caplog.text and "\\x00\\x01\\x02\\x03" not in caplog.text


def test_boto3_is_needed_only_here(arn):
    program = (
        "import sys, types; sys.modules.update(boto3=None, botocore=None)\n"
        "package = types.ModuleType('pii_retention'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['pii_retention'] = package\n"
        "from pii_retention.crypto import wrapper_from, MasterKeyUnavailable\n"
        "try:\n    wrapper_from(sys.argv[2])\n"
        "except MasterKeyUnavailable as error:\n    print(error)\n"
    )
    addon = os.path.dirname(sys.modules["pii_retention.crypto"].__path__[0])
    done = subprocess.run(
        [sys.executable, "-c", program, addon, f"aws-kms:{arn}"], capture_output=True, text=True, check=True
    )
    assert "pip install boto3" in done.stdout
