"""The chain of the access log: one encoding per row, and every single change found and named."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from pii_retention.access_log.chain import START, canonical, month_of, next_mac
from pii_retention.access_log.verify import MAX_FINDINGS, Row, Verifier

KEY = bytes(range(32))
AT = datetime(2026, 11, 21, 8, 30, 0, 250000)
VALUES = st.lists(
    st.one_of(
        st.none(),
        st.integers(-(2**40), 2**40),
        st.text(max_size=8),
        st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
        st.dates(),
    ),
    max_size=6,
)


def chained(count, start=(0, START)):
    number, mac = start
    rows = []
    for _number in range(count):
        number += 1
        values = (number, AT + timedelta(seconds=number), 7, f"order {number}", None)
        previous, mac = mac, next_mac(KEY, mac, values)
        rows.append(Row(values, previous, mac))
    return rows


def verified(rows, end, start=(0, START), known=None):
    verifier = Verifier(lambda number, at: KEY, start, end, known)
    for row in rows:
        verifier.feed(row)
    verifier.finish()
    return [(found.kind, found.first, found.last) for found in verifier.findings]


def test_known_answer():
    values = (1, AT, None, "é", date(2026, 11, 21), -5)
    parts = [b"i1", b"t2026-11-21T08:30:00.250000", b"-", "sé".encode(), b"d2026-11-21", b"i-5"]
    encoded = b"1\x00\x06" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert canonical(values) == encoded
    assert next_mac(KEY, START, values) == hmac.new(KEY, b"0" * 64 + encoded, hashlib.sha256).hexdigest()
    assert next_mac(KEY, START, values) == "e74375a798d734624c25af640963031dba5c99305317d120d95f8d94d11173ca"
    assert month_of(AT) == "2026-11"


@settings(deadline=None)
@given(VALUES, VALUES)
def test_no_two_rows_share_an_encoding(one, other):
    assert (canonical(one) == canonical(other)) == (
        [(type(value), value) for value in one] == [(type(value), value) for value in other]
    )


def test_an_untouched_chain_is_clean():
    assert verified(chained(50), 50) == []
    assert verified([], 0) == []
    tail = chained(50)[30:]
    assert verified(tail, 50, (30, tail[0].previous_mac)) == []


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 20), st.sampled_from(["content", "mac", "previous", "time", "delete", "tail", "insert", "double"])
)
def test_a_single_change_is_named(number, act):
    rows = chained(20)
    row = rows[number - 1]
    expected = {("edited", number, number)}
    if act == "content":
        rows[number - 1] = Row((*row.values[:3], "another", None), row.previous_mac, row.mac)
    elif act == "mac":
        rows[number - 1] = Row(row.values, row.previous_mac, "a" * 64)
    elif act == "previous":
        rows[number - 1] = Row(row.values, "a" * 64, row.mac)
    elif act == "time":
        rows[number - 1] = Row((number, AT, *row.values[2:]), row.previous_mac, row.mac)
    elif act == "delete":
        del rows[number - 1]
        expected = {("missing", number, number)}
    elif act == "tail":
        del rows[number - 1 :]
        expected = {("missing", number, 20)}
    elif act == "insert":
        rows.append(Row((21, *row.values[1:]), rows[-1].mac, row.mac))
        expected = {("inserted", 21, 21)}
    else:
        rows.insert(number, row)
        expected = {("inserted", number, number)}
    assert set(verified(rows, 20)) == expected


def test_a_chain_forged_without_the_key_is_found_row_by_row():
    number, mac, rows = 0, START, []
    for _number in range(5):
        number += 1
        values = (number, AT, 7, "forged", None)
        previous, mac = mac, next_mac(b"another key" + bytes(21), mac, values)
        rows.append(Row(values, previous, mac))
    assert verified(rows, 5) == [("edited", 1, 5)]


def test_a_chain_forged_with_an_old_key_fails_at_what_is_known_of_it():
    forged = chained(5)
    assert verified(forged, 5, known={3: [("b" * 64, "the seal of Monday")]}) == [("edited", 3, 3)]


def test_a_lost_key_is_not_called_a_change():
    verifier = Verifier(lambda number, at: "Key 'log/x/2026-11' is not there.", (0, START), 3)
    for row in chained(3):
        verifier.feed(row)
    assert [(found.kind, found.first, found.last) for found in verifier.findings] == [("unverifiable", 1, 3)]


def test_findings_do_not_fill_the_memory():
    rows = [row if row.number % 2 else Row(row.values, row.previous_mac, "a" * 64) for row in chained(4 * MAX_FINDINGS)]
    verifier = Verifier(lambda number, at: KEY, (0, START), 4 * MAX_FINDINGS)
    for row in rows:
        verifier.feed(row)
    assert len(verifier.findings) == MAX_FINDINGS
    assert verifier.dropped == MAX_FINDINGS
