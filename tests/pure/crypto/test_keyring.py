"""The keyring: records and files by company, subject and class; keys that are served only while they live."""

import copy
import json
import pickle
import threading
import time
import tracemalloc
from datetime import date
from statistics import median
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pii_retention.crypto import (
    CannotOpen,
    CryptoError,
    FileKeyStore,
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    Keyring,
    KeyStoreError,
    KeyStoreUnsafe,
    MalformedToken,
    Secret,
    TamperedData,
    WrongKey,
    archive_key_id,
    day_key_id,
    errors,
    secret_key_id,
)
from pii_retention.crypto.record import decode_record, encode_record

SUBJECT, OTHER = "0b8d7f0e-5a53-4f0b-8d1c-3f1f6a0c9d11", "5d3c1a52-7a77-4c44-9a2e-6d7e0f1b2c33"
DAY = date(2026, 12, 21)
KEY_ID = day_key_id("acme", DAY)
RECORD = {"name": "Erika Canary", "street": "Musterweg 1", "phone": "+49 30 000000"}


@pytest.fixture
def sealed(keyring):
    keyring.ensure(KEY_ID)
    return keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD)


def test_record_round_trip(keyring, sealed):
    assert keyring.open_record("acme", UUID(SUBJECT), "operational", sealed) == RECORD
    assert keyring.key_id_of(sealed) == KEY_ID
    assert sealed != keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD)
    assert sealed.isascii() and "Erika" not in sealed


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), st.text()), st.sampled_from([1, 16, 64]))
def test_records_of_any_text(record, pad_to):
    data = encode_record(record, pad_to)
    assert len(data) % pad_to == 0
    assert decode_record(data) == record
    assert encode_record(dict(reversed(record.items())), pad_to) == data


@pytest.mark.parametrize("value", ["half \ud83d", "\0", "  ends in spaces  ", "😀", '"\\', "\u2028"])
def test_difficult_texts(keyring, sealed, value):
    token = keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"gift_text": value})
    assert keyring.open_record("acme", SUBJECT, "operational", token) == {"gift_text": value}


def test_length_tells_little(keyring, sealed):
    def length(name):
        return len(keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": name}))

    assert length("Bo") == length("Wolfeschlegelsteinhausen") < length("x" * 100)


@pytest.mark.parametrize(
    "record", [{"name": None}, {"name": 5}, {"name": b"Canary"}, {1: "Canary"}, ["Canary"], "Canary"]
)
def test_not_a_record(keyring, sealed, record):
    with pytest.raises(InvalidName) as caught:
        keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", record)
    assert "Canary" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"Erika Canary", b'["Erika Canary"]', b'{"name": 1}', b"\xff", b"{"])
def test_authentic_content_that_is_no_record(content):
    with pytest.raises(MalformedToken) as caught:
        decode_record(content)
    assert caught.value.__context__ is None and "Canary" not in str(caught.value)


def test_files(keyring, sealed):
    content = bytes(range(256)) * 4
    file = keyring.seal_file("acme", KEY_ID, SUBJECT, "operational", content, item="label")
    assert keyring.open_file("acme", SUBJECT, "operational", file, item="label") == content
    assert len(file) - len(content) == 5 + 2 + len(KEY_ID) + 8 + 12 + 16
    assert keyring.key_id_of(file) == KEY_ID
    for item in ("invoice", ""):
        with pytest.raises(TamperedData):
            keyring.open_file("acme", SUBJECT, "operational", file, item=item)


def test_values_cannot_be_moved_between_rows(keyring, sealed):
    """What somebody with write access to the database could try, through the public methods."""
    keyring.ensure(day_key_id("acme", date(2026, 12, 22)))
    keyring.ensure(day_key_id("other", DAY))
    for domain, subject, cls, token in (
        ("acme", OTHER, "operational", sealed),
        ("acme", SUBJECT, "fiscal", sealed),
        ("other", SUBJECT, "operational", sealed.replace("/acme/", "/other/")),
        ("acme", SUBJECT, "operational", sealed.replace("-21", "-22")),
    ):
        with pytest.raises(CannotOpen):
            keyring.open_record(domain, subject, cls, token)
    with pytest.raises(TamperedData):
        keyring.open_record("acme", OTHER, "operational", sealed)
    with pytest.raises(InvalidName, match="another company"):
        keyring.open_record("other", SUBJECT, "operational", sealed)
    with pytest.raises(InvalidName, match="another company"):
        keyring.seal_record("other", KEY_ID, SUBJECT, "operational", RECORD)


def test_subject_keys_are_independent(keyring):
    other_day = day_key_id("acme", date(2026, 12, 22))
    for key_id in (KEY_ID, other_day):
        keyring.create(key_id)
    keys = [
        keyring.subject_key(key_id, subject, cls).expose()
        for key_id in (KEY_ID, other_day)
        for subject in (SUBJECT, OTHER)
        for cls in ("operational", "fiscal")
    ]
    assert len(set(keys)) == 8
    assert keyring.subject_key(KEY_ID, SUBJECT, "operational") == keyring.subject_key(KEY_ID, SUBJECT, "operational")


def test_sealing_makes_no_key(keyring):
    with pytest.raises(KeyMissing, match=KEY_ID):
        keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD)
    assert keyring.list() == []


def test_a_lost_and_a_foreign_key_store(keyring, sealed, tmp_path):
    foreign = Keyring(FileKeyStore.initialise(tmp_path / "foreign"))
    with pytest.raises(KeyMissing, match=KEY_ID):
        foreign.open_record("acme", SUBJECT, "operational", sealed)
    foreign.create(KEY_ID)
    with pytest.raises(WrongKey, match=KEY_ID):
        foreign.open_record("acme", SUBJECT, "operational", sealed)
    file = keyring.seal_file("acme", KEY_ID, SUBJECT, "operational", b"x")
    with pytest.raises(WrongKey, match=KEY_ID):
        foreign.open_file("acme", SUBJECT, "operational", file)


def test_destroyed_key_takes_everything_with_it(keyring, sealed, store_path):
    assert keyring.destroy(KEY_ID, "deadline")
    for ring in (keyring, Keyring(FileKeyStore(store_path))):
        for call in (
            lambda ring=ring: ring.open_record("acme", SUBJECT, "operational", sealed),
            lambda ring=ring: ring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD),
            lambda ring=ring: ring.subject_key(KEY_ID, SUBJECT, "operational"),
            lambda ring=ring: ring.create(KEY_ID),
            lambda ring=ring: ring.ensure(KEY_ID),
        ):
            with pytest.raises(KeyDestroyed, match=KEY_ID):
                call()
    assert keyring.destroyed(KEY_ID) and not keyring.exists(KEY_ID)
    assert keyring.destroy(KEY_ID, "deadline") is False


def test_early_erasure_of_one_subject(keyring, sealed):
    """The bucket's other subjects move to its next generation; old copies of all of them die with the old key."""
    neighbour = keyring.seal_record("acme", KEY_ID, OTHER, "operational", RECORD)
    file = keyring.seal_file("acme", KEY_ID, OTHER, "operational", b"label", item="1")
    successor = keyring.create_successor(KEY_ID)
    assert successor == KEY_ID + "/2" == keyring.create_successor(KEY_ID)
    assert keyring.ensure(KEY_ID) == successor
    moved = keyring.reseal_record("acme", successor, OTHER, "operational", neighbour)
    moved_file = keyring.reseal_file("acme", successor, OTHER, "operational", file, item="1")
    keyring.destroy(KEY_ID, "early_erasure")
    assert keyring.open_record("acme", OTHER, "operational", moved) == RECORD
    assert keyring.open_file("acme", OTHER, "operational", moved_file, item="1") == b"label"
    for token in (sealed, neighbour):
        with pytest.raises(KeyDestroyed):
            keyring.open_record("acme", SUBJECT, "operational", token)
    assert keyring.ensure(KEY_ID) == successor
    third = keyring.create_successor(successor)  # a second early erasure in the same bucket
    keyring.destroy(successor, "early_erasure")
    assert keyring.ensure(KEY_ID) == keyring.ensure(successor) == third == KEY_ID + "/3"
    assert keyring.list(KEY_ID) == [third]
    for key_id in keyring.list(KEY_ID):
        keyring.destroy(key_id, "deadline")
    with pytest.raises(KeyDestroyed):  # the day has come: no new generation by itself
        keyring.ensure(KEY_ID)


def test_other_kinds_of_keys(keyring):
    for key_id in (archive_key_id("acme", 2036), secret_key_id("acme")):
        assert keyring.ensure(key_id) == key_id
        token = keyring.seal_record("acme", key_id, SUBJECT, "credentials", {"x": "y"})
        assert keyring.open_record("acme", SUBJECT, "credentials", token) == {"x": "y"}
    assert keyring.list("archive/acme") == ["archive/acme/2036"]
    keyring.check()


class RemoteStore:
    """A store whose ``exists`` would be a round trip; the keyring must not ask it on every use."""

    exists_is_cheap = False

    def __init__(self, store):
        self.store, self.reads = store, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    def exists(self, key_id):
        raise AssertionError("asked a remote store on every use")

    def read(self, key_id):
        self.reads += 1
        return self.store.read(key_id)


def test_a_remote_store_bounds_a_destroyed_key_by_the_time_to_live(store):
    now = [0.0]
    remote = RemoteStore(store)
    ring = Keyring(remote, ttl=60, clock=lambda: now[0])
    ring.create(KEY_ID)
    token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD)
    store.destroy(KEY_ID, "deadline")
    now[0] = 59.9
    assert ring.open_record("acme", SUBJECT, "operational", token) == RECORD
    assert remote.reads == 0
    now[0] = 60.0
    with pytest.raises(KeyDestroyed):
        ring.open_record("acme", SUBJECT, "operational", token)
    now[0] = 0.0  # a clock that jumps back must not revive anything
    with pytest.raises(KeyDestroyed):
        ring.open_record("acme", SUBJECT, "operational", token)


def test_reading_time_counts(store):
    """A key destroyed while a slow store was answering is served no longer than the time to live after the question."""
    now = [0.0]
    remote = RemoteStore(store)
    ring = Keyring(remote, ttl=60, clock=lambda: now[0])
    store.create(KEY_ID)
    read = remote.read

    def slow(key_id):
        key = read(key_id)
        now[0] += 50
        return key

    remote.read = slow
    token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", RECORD)
    store.destroy(KEY_ID, "deadline")
    now[0] = 60.0
    with pytest.raises(KeyDestroyed):
        ring.open_record("acme", SUBJECT, "operational", token)


def test_keys_are_cached_and_forgotten(store):
    now = [0.0]
    reads = []
    ring = Keyring(store, ttl=60, clock=lambda: now[0])
    real = store.read
    store.read = lambda key_id: reads.append(key_id) or real(key_id)
    store.create(KEY_ID)
    reads.clear()
    for moment, expected in ((0, 1), (30, 1), (59, 1), (61, 2), (62, 2)):
        now[0] = moment
        ring.subject_key(KEY_ID, SUBJECT, "operational")
        assert len(reads) == expected, moment
    ring.forget()
    ring.subject_key(KEY_ID, SUBJECT, "operational")
    assert len(reads) == 3


def test_threads_share_a_keyring(keyring, sealed):
    failures = []

    def work(number):
        try:
            for turn in range(50):
                if turn % 10 == 0:
                    keyring.forget()
                text = {"name": f"{number} {turn}"}
                token = keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", text)
                assert keyring.open_record("acme", SUBJECT, "operational", token) == text
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_keys_do_not_show_or_travel(keyring, store, sealed):
    secret = store.read(KEY_ID)
    raw = secret.expose()
    spellings = [raw.hex(), repr(raw)[2:-1], str(list(raw))[1:-1]]
    shown = "".join(
        [repr(secret), str(secret), f"{secret}", f"{secret!r:>9}", repr([secret]), repr(keyring), repr(vars(keyring))]
        + [repr(keyring._cache.get(KEY_ID)), repr(vars(keyring._cache))]
    )
    assert not [spelling for spelling in spellings if spelling in shown]
    assert not hasattr(secret, "__dict__")
    for thing in (secret, keyring, keyring._cache, keyring._cache.get(KEY_ID), [secret]):
        for move in (pickle.dumps, copy.copy, copy.deepcopy):
            if move is copy.copy and not isinstance(thing, Secret | Keyring):
                continue
            with pytest.raises(TypeError, match="not copied, pickled"):
                move(thing)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert secret != raw and secret == Secret(raw) and secret != Secret(bytes(32))
    for wrong in (b"", raw[:31], raw + b"x", "x" * 32, bytearray(32), None):
        with pytest.raises(ValueError) as caught:
            Secret(wrong)
        assert not [spelling for spelling in spellings if spelling in str(caught.value)]


def test_errors_name_the_key_and_survive_pickling():
    raised = [cls(KEY_ID) for cls in (KeyMissing, KeyDestroyed, WrongKey, TamperedData)]
    raised += [KeyStoreError("disk gone", KEY_ID), KeyStoreUnsafe("open to all", KEY_ID)]
    for error in raised:
        assert KEY_ID in str(error) and error.key_id == KEY_ID and str(error).endswith(".")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and again.key_id == KEY_ID
    assert str(pickle.loads(pickle.dumps(MalformedToken("cut")))) == str(MalformedToken("cut"))
    for name in vars(errors):
        cls = getattr(errors, name)
        if isinstance(cls, type):
            assert issubclass(cls, CryptoError)


def test_erased_subjects_lie_beside_the_keys(keyring, store_path):
    assert keyring.subjects.append(SUBJECT, DAY, "early_erasure")
    assert keyring.subjects.contains(SUBJECT) and not keyring.subjects.contains(OTHER)
    assert Keyring(FileKeyStore(store_path)).subjects.contains(SUBJECT)


def test_cost_of_a_record(keyring, sealed, figure):
    record = {f"field{number}": "x" * 20 for number in range(10)}
    seal, open_ = [], []
    for _ in range(300):
        start = time.perf_counter()
        token = keyring.seal_record("acme", KEY_ID, SUBJECT, "operational", record)
        middle = time.perf_counter()
        assert keyring.open_record("acme", SUBJECT, "operational", token) == record
        seal.append(middle - start)
        open_.append(time.perf_counter() - middle)
    figure("seal_record", round(median(seal) * 1e6), "us")
    figure("open_record", round(median(open_) * 1e6), "us")


def test_a_file_of_100_megabytes(keyring, sealed, figure):
    content = bytes(100 * 2**20)
    tracemalloc.start()
    start = time.perf_counter()
    file = keyring.seal_file("acme", KEY_ID, SUBJECT, "operational", content)
    middle = time.perf_counter()
    again = keyring.open_file("acme", SUBJECT, "operational", file)
    end = time.perf_counter()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert again == content
    figure("seal_100_MiB", round((middle - start) * 1e3), "ms")
    figure("open_100_MiB", round((end - middle) * 1e3), "ms")
    figure("peak_beside_100_MiB_input", round(peak / 2**20), "MiB")
    assert peak < 320 * 2**20
