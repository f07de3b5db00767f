"""The printer's own IPP encoding: round trips, and bad bytes are refused, never a crash."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from sandbox.printer import operations, queues, wire

names = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=12)
values = st.one_of(
    st.tuples(st.just(wire.INTEGER), st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=4)),
    st.tuples(st.just(wire.BOOLEAN), st.lists(st.booleans(), min_size=1, max_size=3)),
    st.tuples(st.just(wire.KEYWORD), st.lists(st.text(max_size=40), min_size=1, max_size=4)),
)
messages = st.builds(
    wire.Message,
    st.tuples(st.integers(0, 255), st.integers(0, 255)),
    st.integers(0, 2**16 - 1),
    st.integers(1, 2**31 - 1),
    st.lists(st.tuples(st.sampled_from([1, 2, 4, 5]), st.dictionaries(names, values, max_size=5)), max_size=4),
    st.binary(max_size=200),
)


@given(messages)
def test_round_trip(message: wire.Message) -> None:
    assert wire.decode(wire.encode(message)) == message


@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    with contextlib.suppress(wire.Malformed):
        wire.decode(raw)


@given(messages)
def test_any_message_is_answered(message: wire.Message) -> None:
    printer = queues.Printer(queues.default_queues())
    answer = operations.Operations(printer, "ipp://127.0.0.1:1").answer(message, printer.queues["office"])
    assert answer.request_id == message.request_id
    wire.decode(wire.encode(answer))
