"""The page where a seller allows an application: the website authorisation workflow.

GET shows a form, POST is its answer: a redirect with ``state``, ``selling_partner_id`` and ``spapi_oauth_code`` (valid
five minutes, once), or with ``error=access_denied``.
"""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..accounts import App
from ..errors import ApiError
from . import Answer, Call, Operation

PATH = "/apps/authorize/consent"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="referrer" content="no-referrer">
<style>body{{font:16px sans-serif;max-width:36em;margin:3em auto;padding:0 1em}}button{{padding:.5em 1.5em}}</style>
</head><body><h1>{title}</h1>
{content}
</body></html>
"""


class PageError(ApiError):
    """An error that a person sees as a page; the gateway sends `page` instead of JSON."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, {})
        self.page = PAGE.format(title="This application cannot be authorised", content=f"<p>{html.escape(message)}</p>")


def _matches(uri: str, registered: str) -> bool:
    """Does `uri` fit a registered one? A port of ``*`` there stands for any port and any path."""
    if registered.endswith(":*"):
        return re.fullmatch(re.escape(registered[:-2]) + r"(:\d{1,5})?(/.*)?", uri) is not None
    return uri == registered


def _redirect_uri(app: App, wanted: str) -> str:
    if not wanted:
        concrete = [uri for uri in app.redirect_uris if not uri.endswith(":*")]
        if not concrete:
            raise PageError(400, "The request names no redirect_uri, and the application has no default one.")
        return concrete[0]
    parts = urlsplit(wanted)
    plain = parts.scheme in ("http", "https") and not parts.fragment and "@" not in parts.netloc
    if not plain or not any(_matches(wanted, uri) for uri in app.redirect_uris):
        raise PageError(400, "The redirect_uri is not registered for this application.")
    return wanted


def _application(call: Call, values: dict[str, str]) -> tuple[App, str]:
    app = call.world.accounts.app_by_application(values.get("application_id", ""))
    if app is None:
        raise PageError(400, "The application_id is unknown.")
    if app.draft and values.get("version") != "beta":
        raise PageError(400, "The application is in draft: version=beta is required.")
    return app, _redirect_uri(app, values.get("redirect_uri", ""))


def show(call: Call) -> Answer:
    """The form with the sellers to choose from."""
    values = dict(call.params)
    app, redirect_uri = _application(call, values)
    hidden = {
        "application_id": app.application_id,
        "redirect_uri": redirect_uri,
        "state": values.get("state", ""),
        "version": values.get("version", ""),
    }
    fields = "\n".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in hidden.items()
    )
    sellers = "".join(
        f'<option value="{html.escape(s.seller)}">{html.escape(s.name)} ({html.escape(s.seller)})</option>'
        for s in call.world.accounts.sellers()
    )
    roles = "".join(f"<li>{html.escape(role.replace('_', ' '))}</li>" for role in sorted(app.roles))
    content = (
        f"<p><b>{html.escape(app.name)}</b> asks for access to your selling account:</p><ul>{roles}</ul>\n"
        f'<form method="post" action="{PATH}">\n{fields}\n'
        f'<p><label>Account <select name="seller">{sellers}</select></label></p>\n'
        '<p><button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></p></form>'
    )
    page = PAGE.format(title="Authorise an application", content=content)
    return Answer(raw=page.encode(), media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})


def decide(call: Call) -> Answer:
    """Send the seller back to the application with a code, or with the refusal."""
    values = dict(parse_qsl(call.raw.decode("utf-8", "replace"), keep_blank_values=True))
    app, redirect_uri = _application(call, values)
    result = {"state": values["state"]} if values.get("state") else {}
    if values.get("decision") == "allow":
        seller = call.world.accounts.seller(values.get("seller", ""))
        if seller is None:
            raise PageError(400, "This selling account is unknown.")
        code = call.world.accounts.new_code(app.client_id, seller.seller, redirect_uri, call.now)
        result |= {"selling_partner_id": seller.seller, "spapi_oauth_code": code}
    else:
        result |= {"error": "access_denied", "error_description": "The selling partner denied the request."}
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(result))))
    location = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return Answer(302, headers={"location": location, "referrer-policy": "no-referrer", "cache-control": "no-store"})


OPERATIONS = [
    Operation("consent", "consent", "GET", PATH, show, public=True),
    Operation("consent", "consentDecision", "POST", PATH, decide, public=True),
]
