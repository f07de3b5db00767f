"""Which type a document has, and under which a printer takes it."""

from __future__ import annotations

PDF, ZPL, RAW, PNG, JPEG, TEXT = (
    "application/pdf",
    "application/vnd.zebra-zpl",
    "application/octet-stream",
    "image/png",
    "image/jpeg",
    "text/plain",
)
#: Names under which printers and CUPS queues take ZPL, best first; raw ones last: they print what arrives.
_ZPL_NAMES = (ZPL, "application/vnd.zebra.zpl", "application/x-zpl", "application/zpl", "application/vnd.cups-raw", RAW)


def sniff(content: bytes, mimetype: str | None = None) -> str:
    """Return the type of a document from its first bytes; ``mimetype`` is what its owner believes."""
    head = content[:1024].lstrip()
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    # ^XA opens a label format; ~DG, ~DY … load graphics or fonts before it (ZPL II programming guide)
    if head.startswith((b"^XA", b"~D", b"CT~~CD")):
        return ZPL
    return mimetype or RAW


def choose(mimetype: str, supported: tuple[str, ...]) -> str | None:
    """Return the type under which a printer that supports these takes a document, None if it does not.

    Only ZPL is ever sent as raw bytes: an office printer would print a PDF's source, page after page.
    """
    offered = {name.lower(): name for name in supported}
    names = _ZPL_NAMES if mimetype == ZPL else (mimetype,)
    return next((offered[name] for name in names if name in offered), None)
