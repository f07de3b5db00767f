"""Files that a person sends in: new personal data, which a stopped intake refuses like any other.

What Odoo, a carrier's module or a program makes of data that is held already (a delivery slip, a label) is none: goods
go on being shipped.
"""

from __future__ import annotations

from odoo.http import request

from . import proof

#: Where files come in from outside, besides calls of the model by the web client.
_DOORS = ("/web/binary/upload_attachment", "/mail/attachment/upload", "/json/2/ir.attachment/")
_CALLS = "/web/dataset/call_kw"


def refusal(env, company) -> str | bool:
    """Return why no file is taken in for a customer of ``company`` now, as a text for its user; False if it is."""
    if not request:
        return False
    path = request.httprequest.path
    if path.startswith(_DOORS) or (path.startswith(_CALLS) and request.params.get("model") == "ir.attachment"):
        return proof.intake_refusal(env, company)
    return False
