"""Files of every kind that a shop attaches to its documents, each with a person in it."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas


def papers(values: dict[str, str]) -> dict[str, bytes]:
    """Return ``{file name: content}``: a text, PDF, ZPL, PNG, XML, CSV, mail and zip that name the person."""
    lines = list(values.values())
    made = {
        "address.txt": "\n".join(lines).encode(),
        "label.pdf": _pdf(lines),
        "label.zpl": _zpl(lines),
        "label.png": _png(lines),
        "invoice.xml": _xml(values),
        "addresses.csv": (";".join(values) + "\n" + ";".join(f'"{line}"' for line in lines) + "\n").encode("utf-16"),
        "complaint.eml": _mail(values),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return {**made, "papers.zip": packed.getvalue()}


def _pdf(lines: list[str]) -> bytes:
    page = io.BytesIO()
    canvas = Canvas(page, A5, pageCompression=1)
    for number, line in enumerate(lines):
        canvas.drawString(40, 540 - 18 * number, line)
    canvas.showPage()
    canvas.save()
    return page.getvalue()


def _zpl(lines: list[str]) -> bytes:
    fields = "".join(f"^FO40,{40 + 40 * number}^FD{line}^FS" for number, line in enumerate(lines))
    return f"^XA^CI28{fields}^XZ".encode()


def _png(lines: list[str]) -> bytes:
    picture = Image.new("L", (1600, 70 * len(lines) + 60), 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(34)
    for number, line in enumerate(lines):
        draw.text((30, 30 + 70 * number), line, fill=0, font=font)
    stored = io.BytesIO()
    picture.save(stored, "PNG", dpi=(200, 200))
    return stored.getvalue()


def _xml(values: dict[str, str]) -> bytes:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f"<?xml version='1.0' encoding='UTF-8'?><Invoice><Customer>{inner}</Customer></Invoice>".encode()


def _mail(values: dict[str, str]) -> bytes:
    letter = EmailMessage()
    letter["From"], letter["To"] = values["email"], "shop@example.org"
    letter["Subject"] = f"Where is my parcel? {values['name']}"
    letter.set_content("\n".join(values.values()))
    return letter.as_bytes()
