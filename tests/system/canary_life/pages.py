"""The foreign addon's pages: one for each way in which code fails while it holds a person's data."""

CONTROLLERS = """import asyncio
import json
import logging
import time
import warnings
from xml.etree import ElementTree

import httpx
import requests
from lxml import etree

from odoo.exceptions import UserError, ValidationError
from odoo.http import Controller, Response, request, route

from .carrier import FIELDS

_logger = logging.getLogger(__name__)
KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


@kind
def value(env, partner, seen):
    raise ValueError("cannot send to %(name)s, %(street)s" % seen)


@kind
def local(env, partner, seen):
    street, everything = seen["street"], dict(seen)
    return street / len(everything)


@kind
def chained(env, partner, seen):
    try:
        {}[seen["name"]]
    except KeyError as error:
        raise RuntimeError(f"unknown: {seen}") from error


@kind
def group(env, partner, seen):
    raise ExceptionGroup("several: " + seen["city"], [ValueError(seen["name"]), KeyError(seen["email"])])


@kind
def attribute(env, partner, seen):
    error = ValueError("see the payload")
    error.payload = {"address": [seen], "raw": json.dumps(seen).encode()}
    error.add_note(f"while sending to {seen['street']}")
    raise error


@kind
def user_error(env, partner, seen):
    raise UserError("No parcel for %(name)s in %(city)s" % seen)


@kind
def validation(env, partner, seen):
    raise ValidationError("%(phone)s is no number of %(name)s" % seen)


@kind
def assertion(env, partner, seen):
    assert seen["name"] == seen["street"], seen


@kind
def no_file(env, partner, seen):
    open("/nonexistent/" + seen["street"])


@kind
def no_module(env, partner, seen):
    importlib.import_module("parcels." + seen["name"])


@kind
def no_attribute(env, partner, seen):
    return getattr(partner, seen["name"])


@kind
def no_syntax(env, partner, seen):
    return ast.literal_eval("[" + seen["name"])


@kind
def exit_code(env, partner, seen):
    raise RuntimeError("worker ended") from SystemExit(seen["street"])


@kind
def encoding(env, partner, seen):
    return " ".join(seen.values()).encode("ascii")


@kind
def decoding(env, partner, seen):
    return json.loads("{" + json.dumps(seen))


@kind
def xml(env, partner, seen):
    return etree.fromstring("<a><b street='%(street)s'>%(name)s & %(city)s</a>" % seen)


@kind
def xml_stdlib(env, partner, seen):
    return ElementTree.fromstring("<a><b>%(name)s & %(city)s</a>" % seen)


@kind
def sql_insert(env, partner, seen):
    env.cr.execute("INSERT INTO ir_logging (name, message, id) VALUES (%s, %s, -1)", [seen["name"], seen["street"]])


@kind
def sql_update(env, partner, seen):
    env.cr.execute("UPDATE res_partner SET street = %s WHERE id = %s", [seen["street"], partner.id])


@kind
def sql_text(env, partner, seen):
    env.cr.execute("UPDATE res_partner SET street = '" + seen["street"].replace("'", "''") + "'")


@kind
def sql_cast(env, partner, seen):
    env.cr.execute("SELECT %s::integer", [seen["street"]])


@kind
def sql_unknown(env, partner, seen):
    env.cr.execute("SELECT nothing FROM res_partner WHERE name = %s OR email = %s", [seen["name"], seen["email"]])


@kind
def sql_timeout(env, partner, seen):
    env.cr.execute("SET LOCAL statement_timeout = 100")
    env.cr.execute("SELECT pg_sleep(5) FROM res_partner WHERE name = %s OR id > 0", [seen["name"]])


@kind
def orm_write(env, partner, seen):
    partner.write({"comment": seen["street"], "ref": seen["name"]})


@kind
def orm_flush(env, partner, seen):
    env["res.partner"].search([], limit=1).ref = seen["phone"]
    env.flush_all()


@kind
def orm_create(env, partner, seen):
    env["res.partner"].create({"name": seen["name"], "street": seen["street"]})


@kind
def orm_search(env, partner, seen):
    found = env["res.partner"].search([("name", "ilike", seen["name"]), ("street", "=", seen["street"])])
    raise LookupError(f"{len(found)} of {seen['name']}")


@kind
def message(env, partner, seen):
    partner.message_post(body=seen["street"])


@kind
def mail(env, partner, seen):
    env["mail.mail"].sudo().create({"email_to": seen["email"], "subject": seen["name"]}).send()


@kind
def smtp(env, partner, seen):
    server = env["ir.mail_server"].sudo()
    letter = server._build_email__(
        "shop@example.org", [seen["email"]], "Parcel of " + seen["name"], seen["street"], subtype="plain"
    )
    server.send_email(letter, smtp_server="127.0.0.1", smtp_port=9)


@kind
def attachment(env, partner, seen):
    env["ir.attachment"].create({"name": seen["name"], "raw": json.dumps(seen).encode()})


@kind
def parameter(env, partner, seen):
    env["ir.config_parameter"].sudo().set_param("last", seen["street"])


@kind
def session(env, partner, seen):
    request.session["last"] = seen
    raise ValueError("the session is full")


@kind
def commit(env, partner, seen):
    env.cr.postcommit.add(lambda: _logger.info("parcel for %s", seen))
    env.cr.commit()


@kind
def other_cursor(env, partner, seen):
    with env.registry.cursor() as cr:
        _logger.info("other connection for %s", seen["name"])
        cr.execute("SELECT nothing_at_all")


@kind
def http_requests(env, partner, seen):
    requests.get("http://127.0.0.1:9/" + seen["street"], params=seen, headers={"X-City": "x"}, timeout=2)


@kind
def http_httpx(env, partner, seen):
    httpx.post("http://127.0.0.1:9/" + seen["street"], params=seen, json=seen, timeout=2)


@kind
def http_answered(env, partner, seen):
    # debug records of both libraries name the address of the request, and of the answer
    base = env["ir.config_parameter"].sudo().get_param("troubles.service")
    httpx.get(base, params=seen, timeout=10)
    requests.get(base, params=seen, timeout=10)
    raise ValueError(base + " took " + seen["street"])


@kind
def log_lines(env, partner, seen):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        _logger.log(level, "parcel for %s (%r)", seen["name"], seen)
        logging.getLogger("foreign.library").log(level, "address %(street)s, %(city)s", seen)
    _logger.warning("with stack of %s" % seen["street"], stack_info=True)
    try:
        json.loads(seen["name"])
    except ValueError:
        _logger.exception("no JSON: %s", seen["name"])
    _logger.info("more arguments than places for %s", seen["name"], seen["street"])


@kind
def warned(env, partner, seen):
    warnings.warn("parcel for %(name)s, %(street)s" % seen, stacklevel=1)


@kind
def loop(env, partner, seen):
    async def deliver():
        raise ValueError("not home: " + seen["name"])

    asyncio.run(deliver())


@kind
def recursion(env, partner, seen):
    def again(text):
        return again(text + seen["name"])

    again("")


@kind
def server_action(env, partner, seen):
    picking = env["stock.picking"].search([("partner_id", "=", partner.id)], limit=1)
    action = env.ref("troubles.action_raise").sudo()
    action.with_context(active_model=picking._name, active_id=picking.id, active_ids=picking.ids).run()


@kind
def template(env, partner, seen):
    source = "<t t-name='x'><p t-out='o.street'/><t t-set='y' t-value='int(o.street)'/></t>"
    env["ir.qweb"]._render(etree.fromstring(source), {"o": partner})


@kind
def nested(env, partner, seen):
    with env["res.partner"].browse(partner.id).pii_subject_id.reveal("incident", "not mine to see"):
        pass


@kind
def stopped(env, partner, seen):
    raise SystemError("out of memory at " + seen["street"])


@kind
def hold(env, partner, seen):
    _logger.info("holding a parcel for %s", seen["name"])
    kept = [dict(seen) for _copy in range(1000)]
    time.sleep(60)
    return kept


class Troubles(Controller):
    @route("/troubles", type="http", auth="user")
    def kinds(self):
        return Response(json.dumps(sorted(KINDS)), mimetype="application/json")

    @route("/troubles/<name>/<int:picking_id>", type="http", auth="user")
    def over_http(self, name, picking_id):
        return Response(str(self._trouble(name, picking_id) or ""))

    @route("/troubles/rpc", type="jsonrpc", auth="user")
    def over_rpc(self, name, picking_id):
        return str(self._trouble(name, picking_id) or "")

    def _trouble(self, name, picking_id):
        picking = request.env["stock.picking"].browse(picking_id)
        with picking._pii_subjects().reveal("label", None, f"stock.picking,{picking_id}") as env:
            partner = env["stock.picking"].browse(picking_id).partner_id
            seen = {field: partner[field] or "" for field in FIELDS}
            return KINDS[name](env, partner, seen)
"""
