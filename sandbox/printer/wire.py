"""The IPP encoding of RFC 8010, as far as a printer needs it.

A message is ``version, code, request id, groups, data``. Groups are ``(delimiter tag, {name: (value tag, [values])})``
in the order in which they came.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

OPERATION, JOB, END, PRINTER, UNSUPPORTED = 0x01, 0x02, 0x03, 0x04, 0x05
NO_VALUE = 0x13
INTEGER, BOOLEAN, ENUM = 0x21, 0x22, 0x23
RESOLUTION, RANGE = 0x32, 0x33
TEXT, NAME, KEYWORD, URI, CHARSET, LANGUAGE, MIME = 0x41, 0x42, 0x44, 0x45, 0x47, 0x48, 0x49

Attributes = dict[str, tuple[int, list[Any]]]


class Malformed(Exception):
    """The bytes are no IPP message."""


@dataclass
class Message:
    """One request or response; ``code`` is the operation or the status."""

    version: tuple[int, int]
    code: int
    request_id: int
    groups: list[tuple[int, Attributes]] = field(default_factory=list)
    data: bytes = b""

    def group(self, tag: int) -> Attributes:
        """Return the first group with this delimiter, empty if there is none."""
        return next((attributes for found, attributes in self.groups if found == tag), {})

    def value(self, name: str, default: Any = None, tag: int = OPERATION) -> Any:
        """Return the first value of an attribute."""
        found = self.group(tag).get(name)
        return found[1][0] if found else default

    def values(self, name: str, tag: int = OPERATION) -> list[Any]:
        """Return all values of an attribute."""
        found = self.group(tag).get(name)
        return list(found[1]) if found else []


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        piece = self.raw[self.at : self.at + size]
        if size < 0 or len(piece) != size:
            raise Malformed("the message ends early")
        self.at += size
        return piece

    def number(self, code: str) -> int:
        return int(struct.unpack(code, self.take(struct.calcsize(code)))[0])


def decode(raw: bytes) -> Message:
    """Read a request.

    :raises Malformed: when the bytes are no IPP message
    """
    reader = _Reader(raw)
    version = (reader.number(">B"), reader.number(">B"))
    message = Message(version, reader.number(">H"), reader.number(">i"))
    attributes: Attributes | None = None
    last = ""
    while (tag := reader.number(">B")) != END:
        if tag < 0x10:
            attributes = {}
            message.groups.append((tag, attributes))
            continue
        if attributes is None:
            raise Malformed("an attribute stands outside of any group")
        name = reader.take(reader.number(">H")).decode("utf-8", "replace")
        value = _decode_value(tag, reader.take(reader.number(">H")))
        if name:
            attributes[name] = (tag, [value])
            last = name
        elif last in attributes:
            attributes[last][1].append(value)
        else:
            raise Malformed("a further value has no attribute")
    message.data = raw[reader.at :]
    return message


def _decode_value(tag: int, raw: bytes) -> Any:
    if tag in (INTEGER, ENUM):
        if len(raw) != 4:
            raise Malformed("an integer has four bytes")
        return struct.unpack(">i", raw)[0]
    if tag == BOOLEAN:
        return raw == b"\x01"
    if tag < 0x40:
        return raw
    return raw.decode("utf-8", "replace")


def encode(message: Message) -> bytes:
    """Write a response."""
    parts = [struct.pack(">BBHi", *message.version, message.code, message.request_id)]
    for delimiter, attributes in message.groups:
        parts.append(bytes([delimiter]))
        for name, (tag, values) in attributes.items():
            for index, value in enumerate(values):
                label = name.encode() if index == 0 else b""
                content = _encode_value(tag, value)
                parts += [struct.pack(">BH", tag, len(label)), label, struct.pack(">H", len(content)), content]
    parts.append(bytes([END]))
    return b"".join(parts) + message.data


def _encode_value(tag: int, value: Any) -> bytes:
    if tag in (INTEGER, ENUM):
        return struct.pack(">i", value)
    if tag == BOOLEAN:
        return b"\x01" if value else b"\x00"
    if isinstance(value, bytes):
        return value
    return str(value).encode()
