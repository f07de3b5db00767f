"""A key's life, the registers beside it, and the log of what was done."""

from __future__ import annotations

import time
from datetime import date

import pytest
from pii_retention.crypto import (
    InvalidName,
    KeyDestroyed,
    KeyMissing,
    Keyring,
    KeyStoreError,
    MasterKeyWrong,
    log_key_id,
)

from support import figures

from .values import BOTH, FIRST, KEY_ID, KEY_IDS, ONE, SECOND, SUBJECT


class LifeContract:
    """What becomes of one key."""

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

    def test_many_subjects_at_once(self, store, opener, capsys):
        """A day's tombstones with one call: idempotent, all of them or nothing where one is no code, seen by others."""
        store.subjects.append(SUBJECT, date(2026, 12, 20), "early_erasure")
        many = [(f"{SUBJECT[:-6]}{number:06d}", date(2026, 12, 21), "deadline") for number in range(50_000)]
        start = time.perf_counter()
        assert store.subjects.append_many([*many, (SUBJECT, date(2026, 12, 21), "deadline")]) == 50_000
        seconds = time.perf_counter() - start
        assert store.subjects.append_many(many[:1000]) == 0
        other = opener(ONE).subjects
        assert (
            other.contains(many[0][0]) and other.contains(many[-1][0]) and not other.contains(SUBJECT[:-6] + "050000")
        )
        assert next(iter(other.entries())).reason == "early_erasure"
        with pytest.raises(InvalidName):
            store.subjects.append_many([("fresh", date(2026, 12, 21), "deadline"), ("Erika Canary", date.min, "x")])
        assert not other.contains("fresh")
        with capsys.disabled():
            figures.figure(f"tombstones_50000_seconds_{type(store).__name__}", seconds, "s")

    def test_a_day_dies_at_once(self, store, capsys):
        ring = Keyring(store)
        ring.create(KEY_ID)
        token = ring.seal_record("acme", KEY_ID, SUBJECT, "operational", {"name": "x"})
        start = time.perf_counter()
        assert ring.destroy(KEY_ID, "deadline")
        seconds = time.perf_counter() - start
        with pytest.raises(KeyDestroyed):
            ring.open_record("acme", SUBJECT, "operational", token)
        with capsys.disabled():
            figures.figure(f"key_dies_seconds_{type(store).__name__}", seconds, "s", "<=1")

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
