"""A sealed value opens for its own context and key, whole and unchanged, or not at all."""

import itertools
import multiprocessing
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pii_retention.crypto import (
    CannotOpen,
    CryptoError,
    InvalidName,
    MalformedToken,
    Secret,
    TamperedData,
    WrongKey,
    envelope,
    looks_sealed,
)
from pii_retention.crypto.encoding import b64url_decode, b64url_encode, length_prefixed
from pii_retention.crypto.envelope import Aad

SUBJECT, OTHER_SUBJECT = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11", "5d3c1a52-7a77-4c44-9a2e-6d7e0f1b2c33"
KEY_ID = "day/acme/2026-12-21"
KEY = Secret(b"\x01" * 32)
AAD = Aad("acme", SUBJECT, "operational", KEY_ID, "1")
CHECK = envelope.check_value(KEY, KEY_ID)
TOKEN = envelope.seal(KEY, b"Erika Canary", AAD, check=CHECK)
SEALED = envelope.seal_bytes(KEY, b"Erika Canary", AAD, check=CHECK)


def reopen(token, key=KEY, aad=AAD):
    check = envelope.check_value(key, aad.key_id)
    opener = envelope.open if isinstance(token, str) else envelope.open_bytes
    return opener(key, token, aad, check=check)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_round_trip(plaintext):
    assert reopen(envelope.seal(KEY, plaintext, AAD, check=CHECK)) == plaintext
    assert reopen(envelope.seal_bytes(KEY, plaintext, AAD, check=CHECK)) == plaintext


def test_every_bit_of_the_token_body(figure):
    head, _dot, text = TOKEN.rpartition(".")
    body = bytearray(b64url_decode(text))
    for position in range(len(body) * 8):
        body[position // 8] ^= 1 << position % 8
        with pytest.raises(TamperedData) as caught:
            reopen(f"{head}.{b64url_encode(bytes(body))}")
        assert caught.value.key_id == KEY_ID
        body[position // 8] ^= 1 << position % 8
    figure("bit_flips_refused", len(body) * 8, "flips")


def test_every_bit_of_the_token_text():
    """One character more or less is several bits of the body: it may hit the check value and the nonce at once."""
    raw = bytearray(TOKEN.encode())
    for position in range(len(raw) * 8):
        raw[position // 8] ^= 1 << position % 8
        with pytest.raises((CannotOpen, MalformedToken)):
            reopen(raw.decode("latin-1"))
        raw[position // 8] ^= 1 << position % 8
    assert reopen(raw.decode()) == b"Erika Canary"


def test_every_bit_of_a_sealed_file():
    raw = bytearray(SEALED)
    body = len(raw) - len(envelope.parse_bytes(SEALED).body)
    for position in range(len(raw) * 8):
        raw[position // 8] ^= 1 << position % 8
        expected = TamperedData if position // 8 >= body else (TamperedData, MalformedToken)
        with pytest.raises(expected):
            reopen(bytes(raw))
        raw[position // 8] ^= 1 << position % 8
    assert reopen(bytes(raw)) == b"Erika Canary"


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_flip_cut_or_addition(plaintext, data):
    sealed = envelope.seal_bytes(KEY, plaintext, AAD, check=CHECK)
    start = len(sealed) - len(envelope.parse_bytes(sealed).body)
    position = data.draw(st.integers(start, len(sealed) - 1))
    change = data.draw(st.integers(1, 255))
    with pytest.raises(TamperedData):
        reopen(sealed[:position] + bytes([sealed[position] ^ change]) + sealed[position + 1 :])
    for other in (sealed[:position], sealed + data.draw(st.binary(min_size=1, max_size=5))):
        with pytest.raises((TamperedData, MalformedToken)):
            reopen(other)


@pytest.mark.parametrize(
    "moved",
    [
        Aad("acme", OTHER_SUBJECT, "operational", KEY_ID, "1"),
        Aad("acme", SUBJECT, "fiscal", KEY_ID, "1"),
        Aad("acme", SUBJECT, "operational", KEY_ID, "2"),
        Aad("acme", SUBJECT, "operational", "day/acme/2026-12-22", "1"),
        Aad("acme2", SUBJECT, "operational", "day/acme2/2026-12-21", "1"),
    ],
    ids=["subject", "class", "item", "key id", "company"],
)
def test_a_value_cannot_be_moved(moved):
    """Also when the key bytes are the same and the token's own key id is changed along."""
    for sealed, text in ((TOKEN, True), (SEALED, False)):
        with pytest.raises(TamperedData) as caught:
            envelope.open(KEY, sealed, moved, check=CHECK) if text else envelope.open_bytes(
                KEY, sealed, moved, check=CHECK
            )
        assert caught.value.key_id == moved.key_id
    renamed = TOKEN.replace(KEY_ID, moved.key_id)
    with pytest.raises(TamperedData):
        envelope.open(KEY, renamed, moved, check=CHECK)


def test_text_and_file_containers_are_not_interchangeable():
    body = b64url_decode(TOKEN.rpartition(".")[2])
    header = SEALED[: -len(envelope.parse_bytes(SEALED).body)]
    with pytest.raises(TamperedData):
        reopen(header + body)


def test_wrong_key_names_the_key():
    for sealed in (TOKEN, SEALED):
        with pytest.raises(WrongKey, match=KEY_ID):
            reopen(sealed, key=Secret(b"\x02" * 32))


def _seal_many(count, queue):
    short = Aad("acme", SUBJECT, "operational", KEY_ID)
    start = len(SEALED) - len(envelope.parse_bytes(SEALED).body) + envelope.CHECK_BYTES
    end = start + envelope.NONCE_BYTES
    queue.put(b"".join(envelope.seal_bytes(KEY, b"", short, check=CHECK)[start:end] for _ in range(count)))


def test_a_million_nonces_of_one_key_are_unique(figure):
    """Sealed by forked processes, as Odoo's workers are: no state may be shared between them."""
    fork, workers, each = multiprocessing.get_context("fork"), 4, 250_000
    queue = fork.Queue()
    started = [fork.Process(target=_seal_many, args=(each, queue), daemon=True) for _ in range(workers)]
    for worker in started:
        worker.start()
    drawn = [queue.get(timeout=120) for _ in started]
    for worker in started:
        worker.join()
    assert [len(part) for part in drawn] == [each * 12] * workers
    nonces = {part[at : at + 12] for part in drawn for at in range(0, len(part), 12)}
    figure("nonce_seals", len(nonces), "unique")
    assert len(nonces) == workers * each


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "v1",
        "v1.",
        "v1..",
        f"v1.{KEY_ID}",
        f"v1.{KEY_ID}.",
        f"v1.{KEY_ID}.AAAA",
        TOKEN[:60],
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.replace("v1", "v2"),
        TOKEN.replace("v1", "V1"),
        TOKEN.replace(KEY_ID, "../../etc/passwd"),
        TOKEN.replace(KEY_ID, ""),
        "Erika Canary",
        "v1.Erika Canary.AAAA",
        None,
        17,
        "\ud83d",
    ],
    ids=itertools.count(),
)
def test_what_is_no_token(token):
    with pytest.raises(MalformedToken) as caught:
        envelope.parse(token)
    assert "Canary" not in str(caught.value)
    assert not looks_sealed(token)


@pytest.mark.parametrize(
    "sealed",
    [b"", b"PIIS", b"PIIS\x01", b"PIIS\x02" + SEALED[5:], b"%PDF-1.7", SEALED[:40], b"PIIS\x01\xff\xff" + SEALED[7:]],
    ids=itertools.count(),
)
def test_what_is_no_sealed_file(sealed):
    with pytest.raises(MalformedToken):
        envelope.parse_bytes(sealed)
    assert not looks_sealed(sealed)


def test_last_character_has_one_spelling():
    """base64 leaves unused bits in the last character; Python ignores them, we must not."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = envelope.seal(KEY, b"x", AAD, check=CHECK)
    assert len(token.rpartition(".")[2]) % 4 == 2  # 37 bytes: four bits of the last character are unused
    for letter in set(alphabet) - {token[-1]}:
        with pytest.raises((TamperedData, MalformedToken)):
            reopen(token[:-1] + letter)


def test_concatenation_is_unambiguous():
    assert length_prefixed("ab", "c") != length_prefixed("a", "bc")
    assert length_prefixed("a", "") != length_prefixed("a")


def test_looks_sealed():
    assert looks_sealed(TOKEN) and looks_sealed(SEALED)


@pytest.mark.parametrize(
    "fields",
    [
        ("", SUBJECT, "operational", KEY_ID),
        ("Acme", SUBJECT, "operational", KEY_ID),
        ("acme", "Erika Canary", "operational", KEY_ID),
        ("acme", SUBJECT.replace("-", ""), "operational", KEY_ID),
        ("acme", SUBJECT, "Erika Canary", KEY_ID),
        ("acme", SUBJECT, "operational", "Erika Canary"),
        ("acme", SUBJECT, "operational", "day/other/2026-12-21"),
        ("acme", SUBJECT, "operational", KEY_ID, None),
        ("acme", None, "operational", KEY_ID),
        (None, SUBJECT, "operational", KEY_ID),
    ],
)
def test_malformed_context(fields):
    with pytest.raises(InvalidName) as caught:
        Aad(*fields)
    assert "Canary" not in "".join(traceback.format_exception(caught.value)).rpartition("InvalidName")[2]


def test_uuid_spelling_does_not_matter():
    assert Aad("acme", SUBJECT.upper(), "operational", KEY_ID) == Aad("acme", SUBJECT, "operational", KEY_ID)


def test_errors_carry_no_context_with_plaintext():
    """An exception keeps its frames alive; ours hold neither the key nor the opened text."""
    wrong_check = b"\0" * 8
    with pytest.raises(TamperedData) as caught:
        envelope.open(KEY, TOKEN, AAD, check=wrong_check)
    assert issubclass(TamperedData, CryptoError)
    frame = caught.tb
    seen = 0
    while frame:
        if frame.tb_frame.f_code.co_filename == envelope.__file__:
            seen += 1
            shown = repr(frame.tb_frame.f_locals)
            assert "Erika" not in shown and repr(KEY.expose())[2:-1] not in shown
        frame = frame.tb_next
    assert seen == 2
