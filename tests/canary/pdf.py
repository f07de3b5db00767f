"""PDF files (streams, attachments, text layer, drawn pages) and pictures."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator

from . import ocr
from .containers import Child, Context
from .matcher import Buffer

_TIMEOUT = 180
_MAX_PAGES = 60
_RESOLUTION = "200"
_SMALLEST = 40  # pixels: no eight letters fit into less
_STREAM = re.compile(rb"stream\r?\n")


def streams(data: Buffer, context: Context) -> Iterator[Child]:
    """Every stream of a PDF unpacked: pages, object streams, XMP, attachments such as factur-x.xml."""
    whole = bytes(data)
    for match in _STREAM.finditer(whole):
        end = whole.find(b"endstream", match.end())
        raw = whole[match.end() : end if end >= 0 else len(whole)]
        plain = _decoded(whole[max(match.start() - 2048, 0) : match.start()], raw)
        if plain is not None:
            yield Child("pdf:stream", plain)
        elif raw[:2] == b"\xff\xd8":
            yield Child("pdf:picture", raw)


def _decoded(dictionary: bytes, raw: bytes) -> bytes | None:
    """``raw`` without its ASCII and Flate filters; ``None`` for a stream that has none (it is visible as it is)."""
    dictionary = dictionary[dictionary.rfind(b" obj") :]
    changed = False
    try:
        if b"ASCIIHexDecode" in dictionary or b"/AHx" in dictionary:
            digits = re.sub(rb"[^0-9A-Fa-f]", b"", raw.split(b">")[0])
            raw, changed = binascii.unhexlify(digits + b"0" * (len(digits) % 2)), True
        if b"ASCII85Decode" in dictionary or b"/A85" in dictionary:
            text = raw.split(b"~>")[0]
            raw, changed = base64.a85decode(text.removeprefix(b"<~")), True
    except (ValueError, binascii.Error):
        return None
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(raw, 1 << 29)
    except zlib.error:
        return raw if changed else None


def text_layer(data: Buffer, context: Context) -> Iterator[Child]:
    """What a reader can copy from the pages; kerning and subset fonts hide it from a search in the streams."""
    if "pdf_text" in context.without:
        return
    if not shutil.which("pdftotext"):
        context.skip("the text layer of a PDF was not read: pdftotext (poppler-utils) is not installed")
        return
    for layout in ("-raw", "-layout"):
        done = subprocess.run(
            ["pdftotext", "-q", layout, "-enc", "UTF-8", "-", "-"],
            input=bytes(data),
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode:
            context.skip("the text layer of a PDF was not read: encrypted or damaged")
            return
        yield Child("pdf:text", done.stdout)


def pages(data: Buffer, context: Context) -> Iterator[Child]:
    """Every page drawn and read by OCR: wkhtmltopdf with unpatched Qt draws text as outlines, no text layer at all."""
    if "ocr" in context.without:
        return
    missing = ocr.available() or ("" if shutil.which("pdftoppm") else "pdftoppm (poppler-utils) is not installed")
    if missing:
        context.skip(f"pages of a PDF were not read: {missing}")
        return
    whole = bytes(data)
    try:
        texts = context.texts.get(whole, lambda: _read_pages(whole))
    except subprocess.SubprocessError:
        context.skip("pages of a PDF were not read: encrypted or damaged, or OCR took too long")
        return
    if len(texts) >= _MAX_PAGES:
        context.skip(f"only {_MAX_PAGES} pages of a PDF were read")
    for number, text in enumerate(texts, 1):
        yield Child(f"pdf:page {number}", text.encode(), leaf=True, seen=True)


def _read_pages(whole: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="canary-scan-") as folder:
        subprocess.run(
            ["pdftoppm", "-q", "-gray", "-r", _RESOLUTION, "-l", str(_MAX_PAGES), "-", os.path.join(folder, "page")],
            input=whole,
            check=True,
            capture_output=True,
            timeout=_TIMEOUT,
        )
        pictures = sorted(os.listdir(folder))
        for name in pictures:
            yield ocr.read_picture(os.path.join(folder, name))


def image(data: Buffer, context: Context) -> Iterator[Child]:
    """A picture read by OCR; icons are too small to carry text."""
    whole = bytes(data)
    if "ocr" in context.without or not _is_picture(whole) or _is_small(whole):
        return
    if missing := ocr.available():
        context.skip(f"a picture was not read: {missing}")
        return
    try:
        texts = context.texts.get(whole, lambda: _read_picture(whole))
    except subprocess.SubprocessError:
        context.skip("a picture was not read: damaged, or of a kind that tesseract does not know")
        return
    for text in texts:
        yield Child("picture", text.encode(), leaf=True, seen=True)


def _read_picture(whole: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="canary-scan-") as folder:
        path = os.path.join(folder, "picture")
        with open(path, "wb") as file:
            file.write(whole)
        yield ocr.read_picture(path)


def _is_picture(data: bytes) -> bool:
    """More than the two or three bytes of a signature: random data has those, and must not count as unreadable."""
    if data[:3] == b"\xff\xd8\xff":
        return _is_jpeg(data)
    if data[:2] == b"BM":
        return struct.unpack("<I", data[2:6].ljust(4, b"\0"))[0] == len(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return struct.unpack("<I" if data[:1] == b"I" else ">I", data[4:8].ljust(4, b"\0"))[0] < len(data)
    return data[:4] != b"GIF8" or len(data) > 13


def _is_jpeg(data: bytes) -> bool:
    """A chain of segments that leads to the start of the scan."""
    position = 2
    while data[position : position + 1] == b"\xff" and position + 4 <= len(data):
        if data[position + 1] == 0xDA:
            return True
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _is_small(data: Buffer) -> bool:
    head = bytes(data[:26])
    if head.startswith(b"\x89PNG"):
        return (
            len(head) < 24  # a signature in a script, and no picture behind it
            or min(struct.unpack(">II", head[16:24])) < _SMALLEST // 2
            or max(struct.unpack(">II", head[16:24])) < _SMALLEST
        )
    if head.startswith(b"GIF8"):
        return max(struct.unpack("<HH", head[6:10])) < _SMALLEST
    return False
