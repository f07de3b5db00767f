"""What a blob contains: archives, compressed streams, documents, text inside text. One opener per kind.

An opener gets the data and yields :class:`Child` pieces; the scanner searches each and opens it in turn. What cannot be
opened is reported through ``context.skip`` and makes the report unclean: a place that was not read is not a clean one.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .matcher import Buffer

if TYPE_CHECKING:
    from .ocr import TextCache

MAX_UNPACKED = 1 << 29
"""Bytes that one compressed stream may grow to; more is reported as not read."""


@dataclass(slots=True)
class Child:
    """A piece found inside a blob.

    :ivar label: appended to the place
    :ivar name: the member's name, searched too
    :ivar leaf: only search it, do not open it
    :ivar seen: text read by OCR, searched with tolerance
    """

    label: str
    data: Buffer
    name: bytes = b""
    leaf: bool = False
    seen: bool = False


@dataclass(slots=True)
class Context:
    """What openers share: what is switched off, where to report what was not read, OCR results, folders of programs."""

    without: frozenset[str]
    skip: Callable[[str], None]
    texts: TextCache
    programs: tuple[Path, ...] = ()


Opener = Callable[[Buffer, Context], Iterator[Child]]

_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("gzip", 0, b"\x1f\x8b\x08"),
    ("bzip2", 4, b"1AY&SY"),
    ("xz", 0, b"\xfd7zXZ\0"),
    ("zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("lz4", 0, b"\x04\x22\x4d\x18"),
    ("zip", 0, b"PK\x03\x04"),
    ("tar", 257, b"ustar"),
    ("sqlite", 0, b"SQLite format 3\0"),
    ("pg_dump", 0, b"PGDMP"),
    ("leveldb", -8, b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"),
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image", 0, b"\xff\xd8\xff"),
    ("image", 0, b"GIF87a"),
    ("image", 0, b"GIF89a"),
    ("image", 0, b"II*\0"),
    ("image", 0, b"MM\0*"),
    ("image", 8, b"WEBP"),
    ("image", 0, b"BM"),
    ("7z", 0, b"7z\xbc\xaf\x27\x1c"),
    ("rar", 0, b"Rar!\x1a\x07"),
)


def kind(data: Buffer) -> str:
    """What ``data`` is by its signature, ``""`` if none is known."""
    from . import stores

    for name, offset, magic in _SIGNATURES:
        start = offset if offset >= 0 else len(data) + offset
        if start >= 0 and bytes(data[start : start + len(magic)]) == magic:
            return name
    # A PDF may begin up to 1024 bytes into the file; a text that only speaks of one has no objects.
    if b"%PDF-" in bytes(data[:1029]) and data.find(b"endobj") > 0:
        return "pdf"
    head = bytes(data[:2])
    if len(head) == 2 and head[0] & 0x0F == 8 and head[0] >> 4 <= 7 and int.from_bytes(head, "big") % 31 == 0:
        return "zlib"
    return "leveldb_log" if stores.is_leveldb_log(data) else ""


def children(data: Buffer, context: Context, only: str = "") -> Iterator[Child]:
    """All pieces inside ``data``; ``only`` limits it to one opener."""
    from . import pdf, stores, textual

    openers: dict[str, tuple[Opener, ...]] = {
        "gzip": (_gzip,),
        "bzip2": (_bzip2,),
        "xz": (_xz,),
        "zstd": (stores.by_command("zstd", ("zstd", "-dcq")),),
        "lz4": (stores.by_command("lz4", ("lz4", "-dcq")),),
        "zip": (_zip,),
        "tar": (_tar,),
        "zlib": (_zlib,),
        "sqlite": (stores.sqlite,),
        "pg_dump": (stores.pg_dump,),
        "leveldb": (stores.leveldb,),
        "leveldb_log": (stores.leveldb_log,),
        "png": (_png, pdf.image),
        "image": (pdf.image,),
        "pdf": (pdf.streams, pdf.text_layer, pdf.pages),
        "7z": (_unsupported,),
        "rar": (_unsupported,),
    }
    if only:
        yield from _carve(data, context)
        return
    name = kind(data)
    if name:
        if name not in context.without:
            for opener in openers[name]:
                yield from opener(data, context)
        # Two bytes of a signature prove little; real text starting with "BM" or "x\x9c" must still be read as text.
        if name not in ("zlib", "image", "tar"):
            return
    if textual.is_text(data):
        yield from textual.views(data, context)
    elif not name and "carve" not in context.without:
        yield from _carve(data, context)


def _inflate(data: Buffer, context: Context, start: int = 0, wbits: int = 47) -> tuple[bytes, int]:
    """The stream at ``start`` (as far as it is sound) and the offset of what follows it."""
    inflater = zlib.decompressobj(wbits)
    pieces, size, position = [], 0, start
    while not inflater.eof and position < len(data):
        block = bytes(data[position : position + (1 << 16)])
        position += len(block)
        try:
            pieces.append(inflater.decompress(block))
        except zlib.error:
            break
        size += len(pieces[-1])
        if size > MAX_UNPACKED:
            context.skip(f"stream grows beyond {MAX_UNPACKED} bytes")
            break
    return b"".join(pieces), position - len(inflater.unused_data)


def _gzip(data: Buffer, context: Context) -> Iterator[Child]:
    start = 0
    while bytes(data[start : start + 3]) == b"\x1f\x8b\x08":
        unpacked, end = _inflate(data, context, start)
        if unpacked:
            yield Child("gzip", unpacked)
        if end <= start:
            break
        start = end


def _zlib(data: Buffer, context: Context) -> Iterator[Child]:
    unpacked, _end = _inflate(data, context)
    if unpacked:
        yield Child("zlib", unpacked)


def _by_decompressor(label: str, factory: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> Opener:
    def opener(data: Buffer, context: Context) -> Iterator[Child]:
        rest = bytes(data)
        while rest:
            decompressor = factory()
            try:
                unpacked = decompressor.decompress(rest, MAX_UNPACKED)
            except (OSError, EOFError, lzma.LZMAError):
                context.skip(f"{label} stream is damaged")
                return
            yield Child(label, unpacked)
            if not decompressor.eof:
                context.skip(f"{label} stream is cut off or grows beyond {MAX_UNPACKED} bytes")
                return
            rest = decompressor.unused_data

    return opener


_bzip2 = _by_decompressor("bzip2", bz2.BZ2Decompressor)
_xz = _by_decompressor("xz", lzma.LZMADecompressor)


def _zip(data: Buffer, context: Context) -> Iterator[Child]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(bytes(data)))
    except (zipfile.BadZipFile, ValueError):
        context.skip("zip without a readable directory: only its streams were carved")
        yield from _carve(data, context)
        return
    with archive:
        for info in archive.infolist():
            label = f"zip:{info.filename}"
            name = info.filename.encode("utf-8", "surrogateescape") + b"\0" + info.comment
            if info.file_size > MAX_UNPACKED:
                context.skip(f"{label} is larger than {MAX_UNPACKED} bytes")
                continue
            try:
                yield Child(label, archive.read(info), name)
            except (RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
                context.skip(f"member of a zip cannot be read ({type(error).__name__}: encrypted or damaged)")


def _tar(data: Buffer, context: Context) -> Iterator[Child]:
    try:
        with tarfile.open(fileobj=io.BytesIO(bytes(data)), mode="r:") as archive:
            for member in archive:
                name = f"{member.name}\0{member.linkname}\0{member.uname}".encode("utf-8", "surrogateescape")
                file = archive.extractfile(member) if member.isfile() else None
                yield Child(f"tar:{member.name}", file.read() if file else b"", name)
    except (tarfile.TarError, EOFError):
        context.skip("tar is damaged")


def _png(data: Buffer, context: Context) -> Iterator[Child]:
    """Text chunks; the plain ones are visible in the file, the compressed ones are not."""
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        name = bytes(data[position + 4 : position + 8])
        body = bytes(data[position + 8 : position + 8 + length])
        if name in (b"zTXt", b"iTXt", b"iCCP"):
            start = body.find(b"x", body.find(b"\0"))
            while start >= 0:
                unpacked, _end = _inflate(body, context, start, 15)
                if unpacked:
                    yield Child(f"png:{name.decode()}", unpacked)
                    break
                start = body.find(b"x", start + 1)
        position += 12 + length


def _unsupported(data: Buffer, context: Context) -> Iterator[Child]:
    context.skip("archive format that is not supported (7z, rar)")
    return iter(())


_STREAM = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]|\x78[\x01\x5e\x9c\xda]|PK\x03\x04")
_LEAST_CARVED = 32


def _carve(data: Buffer, context: Context) -> Iterator[Child]:
    """Compressed streams anywhere in binary data: browser caches, bytea values in heap files, damaged archives."""
    position = 0
    while match := _STREAM.search(data, position):
        start = match.start()
        position = start + 1
        magic = match.group()
        wbits = 31 if magic[0] == 0x1F else 15
        if magic == b"PK\x03\x04":
            method, names, extra = *struct.unpack("<H", data[start + 8 : start + 10].ljust(2, b"\0")), 0, 0
            if len(data) >= start + 30:
                names, extra = struct.unpack("<HH", data[start + 26 : start + 30])
            if method != 8:
                continue
            start, wbits = start + 30 + names + extra, -15
        unpacked, end = _inflate(data, context, start, wbits)
        if len(unpacked) >= _LEAST_CARVED:
            position = max(position, end if wbits != -15 else position)
            yield Child("carved", unpacked)
