"""Documents go out under the right name, and none is printed as source."""

from __future__ import annotations

import pytest
from pii_retention_print.ipp import choose, sniff
from pii_retention_print.ipp.formats import JPEG, PDF, PNG, RAW, TEXT, ZPL


@pytest.mark.parametrize(
    ("content", "believed", "found"),
    [
        (b"%PDF-1.4", "text/plain", PDF),
        (b"\x89PNG\r\n\x1a\n....", None, PNG),
        (b"\xff\xd8\xff\xe0", RAW, JPEG),
        (b"\n ^XA^FDx^FS^XZ", TEXT, ZPL),
        (b"~DGR:LOGO.GRF,1,1,00^XA^XZ", TEXT, ZPL),
        (b"Dear customer", TEXT, TEXT),
        (b"", None, RAW),
    ],
)
def test_sniff(content: bytes, believed: str | None, found: str) -> None:
    assert sniff(content, believed) == found


@pytest.mark.parametrize(
    ("kind", "supported", "chosen"),
    [
        (PDF, (PDF, RAW), PDF),
        (PDF, ("Application/PDF",), "Application/PDF"),
        (PDF, (RAW, ZPL), None),
        (ZPL, (RAW, "application/vnd.zebra.zpl"), "application/vnd.zebra.zpl"),
        (ZPL, (PDF, RAW), RAW),
        (ZPL, (PDF,), None),
        (TEXT, (RAW,), None),
    ],
)
def test_choose(kind: str, supported: tuple[str, ...], chosen: str | None) -> None:
    assert choose(kind, supported) == chosen
