"""Scripts that the benchmarks run inside an Odoo process: people with grants, orders to ship, a browser to play."""

from __future__ import annotations

#: The administrator does the warehouse's work by a role assignment that an officer approved, with a second factor.
#: Figures that a day's work keeps to are raised: a benchmark does a month's in a minute. Every rule stays evaluated.
STAFF = """
from odoo.addons.pii_retention import channel

user = env.ref("base.user_admin")
user.group_ids += env.ref("pii_retention.group_fulfilment")
user.totp_secret = "JBSWY3DPEHPK3PXP"
officer = env["res.users"].create({"name": "officer", "login": "officer",
                                   "group_ids": [(4, env.ref("pii_retention.group_privacy_officer").id)]})
# nobody signs in to a script: it plays the browser of the officer
channel.caller = lambda: channel.Caller(channel.WEB, officer.id)
env["pii.grant"].search([("state", "=", "requested")]).with_user(officer).action_approve()
env["pii.purpose.limit"].search([]).write({"max_subjects": 10**6, "per_hour": 10**6, "per_day": 10**6})
env["pii.alert.rule"].search([("kind", "in", ("bulk", "hourly", "daily"))]).threshold = 10**6
env["pii.alert.rule"].search([("kind", "=", "off_hours")]).write({"hour_from": 0, "hour_to": 24, "sunday": True})
cr.commit()
"""

#: Goes before a script: the browser of the administrator, one HTML rendering of delivery slips, and clocks. On a busy
#: machine each statement waits for its turn; the time that processors worked for it does not grow with that.
BROWSER = """
import contextlib, os, time
from odoo.addons.pii_retention import channel

user = env.ref("base.user_admin")
channel.caller = lambda: channel.Caller(channel.WEB, user.id, "0123456789abcdef", "192.0.2.7")
desk = env(user=user.id)
asked = env.ref("stock.action_report_delivery")
# without a purpose the vault is not asked at all: Odoo's own time
unasked = asked.search([("name", "=", "bench: not asked")]) or asked.copy(
    {"name": "bench: not asked", "pii_purpose": False})
assert asked.pii_purpose == "label" and not unasked.pii_purpose
cr.commit()

def fresh():
    "As in a request of its own: nothing remembered by the ORM or the cursor."
    env.flush_all()
    env.invalidate_all()
    cr.cache.clear()

def backends():
    "Return the numbers of the database's processes that work for this one; none when it runs elsewhere."
    cr.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL")
    found = []
    for (pid,) in cr.fetchall():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
            if comm.read().startswith("postgres"):
                found.append(pid)
    return found

class Clock:
    "Seconds that passed, and that processors worked here and in the database."

    def __init__(self):
        self.pids = backends()

    def _now(self):
        worked = time.process_time()
        for pid in self.pids:
            with open(f"/proc/{pid}/schedstat") as state:
                worked += int(state.read().split()[0]) / 10**9
        return time.perf_counter(), worked

    def __call__(self, work):
        before = self._now()
        value = work()
        after = self._now()
        self.passed, self.worked = after[0] - before[0], after[1] - before[1]
        return value

def render(report, pickings):
    return desk["ir.actions.report"]._render_qweb_html(report.id, pickings.ids)[0]

def median(values):
    return sorted(values)[len(values) // 2]
"""

#: As many orders to ship for protected customers as for plain ones, alike but for the vault.
ORDERS = """
from datetime import date

quiet = dict(tracking_disable=True, mail_create_nosubscribe=True, mail_notrack=True, mail_create_nolog=True)
product = env["product.product"].create({"name": "Bottle", "type": "consu"})
italy = env.ref("base.it")

def person(number):
    return {"name": f"Vorname Nachname {number}", "street": f"Via Roma {number}", "zip": f"{20100 + number % 100}",
            "city": "Milano", "phone": f"+39 02 4455 {number:04d}", "email": f"p{number}@marketplace.example.com"}

subjects = env["pii.subject"]._seal_many([
    {"company_id": env.company.id, "origin": "bench", "reference": f"402-{number:07d}", "country_id": italy.id,
     "start": date.today(), "open": True,
     "values": {"operational": person(number),
                "fiscal": {key: text for key, text in person(number).items() if key not in ("phone", "email")}}}
    for number in range(count)])
plain = env["res.partner"].create([{**person(number), "country_id": italy.id} for number in range(count)])
for prefix, partners in (("sealed", subjects._ensure_partners()), ("plain", plain)):
    env["sale.order"].with_context(**quiet).create([
        {"partner_id": partner.id, "client_order_ref": f"{prefix} {number}",
         "order_line": [(0, 0, {"product_id": product.id, "product_uom_qty": 2, "price_unit": 10})]}
        for number, partner in enumerate(partners)]).action_confirm()
    cr.commit()
result = count
"""


def people(sandbox) -> list[dict[str, str]]:
    """The persons of the sandbox's orders, as a shop's own import would hand them to Odoo."""
    people = []
    for order in sandbox.orders():
        address = (order.get("recipient") or {}).get("deliveryAddress") or {}
        people.append(
            {
                "name": address.get("name", "x"),
                "street": address.get("addressLine1", "x"),
                "city": address.get("city", "x"),
                "zip": address.get("postalCode", "x"),
                "phone": address.get("phone", ""),
                "email": (order.get("buyer") or {}).get("buyerEmail", ""),
            }
        )
    return people
