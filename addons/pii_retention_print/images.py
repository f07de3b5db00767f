"""Labels that carriers deliver as pictures, for printers that take PDF only."""

from __future__ import annotations

import io

from PIL import Image

from odoo.tools.image import ImageProcess


def as_pdf(content: bytes) -> bytes:
    """Return a picture as a PDF of one page, in memory, at the picture's own resolution (203 dpi if it tells none)."""
    ImageProcess(content)  # refuses what is too large to unpack
    with Image.open(io.BytesIO(content)) as picture:
        dpi = picture.info.get("dpi", (203.0, 203.0))[0] or 203.0
        flat = Image.new("RGB", picture.size, "white")
        layer = picture.convert("RGBA")
        flat.paste(layer, mask=layer.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "PDF", resolution=float(dpi))
    return out.getvalue()
