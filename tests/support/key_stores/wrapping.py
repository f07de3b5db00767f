"""The master key: keys are stored wrapped, and it is replaced."""

from __future__ import annotations

import pytest
from pii_retention.crypto import (
    KeyMissing,
    Keyring,
    MasterKeyUnavailable,
    MasterKeyWrong,
    Wrapping,
    WrongKey,
)

from .values import BOTH, FIRST, KEY_ID, KEY_IDS, ONE, OTHER, SECOND, SUBJECT, NoAnswer


class WrappingContract:
    """What the master key is for."""

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


def _base64(raw):
    import base64

    return base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")
