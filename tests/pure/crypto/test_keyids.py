"""Key ids: what is accepted has one spelling and cannot leave its directory."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_retention.crypto import InvalidName, KeyId, archive_key_id, day_key_id, parse_key_id, secret_key_id
from pii_retention.crypto.keyids import in_scope

DOMAINS = st.from_regex(r"\A[a-z0-9]{1,8}([_-][a-z0-9]{1,8}){0,3}\Z")


@given(DOMAINS, st.dates(), st.integers(1, 999_999))
def test_round_trip(domain, day, generation):
    parsed = parse_key_id(day_key_id(domain, day))
    assert parsed == KeyId("day", domain, day.isoformat())
    later = str(KeyId("day", domain, day.isoformat(), generation))
    assert str(parse_key_id(later)) == later
    assert parse_key_id(later).generation == generation


def test_forms():
    assert day_key_id("acme-1", date(2026, 12, 21)) == "day/acme-1/2026-12-21"
    assert archive_key_id("acme", 2036) == "archive/acme/2036"
    assert secret_key_id("acme") == "secret/acme"
    assert str(parse_key_id("secret/acme").next()) == "secret/acme/2"
    assert str(parse_key_id("day/acme/2026-12-21/2").next()) == "day/acme/2026-12-21/3"


@pytest.mark.parametrize(
    "key_id",
    [
        "",
        "/",
        "day",
        "day/",
        "day/acme",
        "day//2026-12-21",
        "day/acme/",
        "day/acme/2026-12-21/",
        "/day/acme/2026-12-21",
        "day/../2026-12-21",
        "day/../../etc/passwd",
        "day/acme/../../../x",
        "day/acme/2026-12-21/..",
        "day/acme/2026-12-21/../2026-12-22",
        "day/acme/2026-12-21\0",
        "day/acme/2026-12-21\n",
        "day/acme\n/2026-12-21",
        "day/acme/2026-13-01",
        "day/acme/2026-02-30",
        "day/acme/20261221",
        "day/acme/2026-W51-1",
        "day/acme/٢٠٢٦-12-21",
        "day/Acme/2026-12-21",
        "day/acme.com/2026-12-21",
        "day/acme~x/2026-12-21",
        "day/-acme/2026-12-21",
        "day/acme-/2026-12-21",
        "day/a--b/2026-12-21",
        "day/ácme/2026-12-21",
        "day/" + "a" * 65 + "/2026-12-21",
        "day/acme/2026-12-21/0",
        "day/acme/2026-12-21/1",
        "day/acme/2026-12-21/02",
        "day/acme/2026-12-21/1000000",
        "day/acme/2026-12-21/2/3",
        "archive/acme/2026-12-21",
        "archive/acme/26",
        "archive/acme/9999",
        "secret/acme/2026-12-21",
        "secret/acme/x",
        "week/acme/2026",
        None,
        5,
        b"day/acme/2026-12-21",
    ],
)
def test_refused(key_id, store, keyring):
    with pytest.raises(InvalidName):
        parse_key_id(key_id)
    for call in (store.create, store.read, store.exists, store.destroyed, keyring.create, keyring.ensure):
        with pytest.raises(InvalidName):
            call(key_id)
    with pytest.raises(InvalidName):
        store.destroy(key_id, "deadline")


def test_helpers_refuse():
    with pytest.raises(InvalidName, match="not by a point in time"):
        day_key_id("acme", datetime(2026, 12, 21, tzinfo=UTC))
    for call in (
        lambda: day_key_id("acme", "2026-12-21"),
        lambda: day_key_id("../x", date(2026, 12, 21)),
        lambda: archive_key_id("acme", 20260),
        lambda: secret_key_id("Acme"),
        lambda: KeyId("secret", "acme", "", 999_999).next(),
    ):
        with pytest.raises(InvalidName):
            call()


def test_prefixes_are_whole_segments():
    assert in_scope("day/acme/2026-12-21/2", "day/acme/2026-12-21")
    assert in_scope("day/acme/2026-12-21", "day/acme/")
    assert in_scope("day/acme/2026-12-21", "")
    assert not in_scope("day/acme2/2026-12-21", "day/acme")
    assert not in_scope("archive/acme/2036", "day")
