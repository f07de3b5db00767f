"""Each role at each screen: what its menus offer can be read, searched, grouped and pressed with its own rights."""

from collections import Counter

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import ES, IT, SpapiCase

AMAZON = "amazon_spapi_connector."
ROLES = {
    "seller": "sales_team.group_sale_salesman",
    "packer": "stock.group_stock_user",
    "accountant": "account.group_account_invoice",
    "reader": "account.group_account_readonly",
    "clerk": f"{AMAZON}group_user",
    "warehouse": f"stock.group_stock_user,{AMAZON}group_user",
    "bookkeeper": f"account.group_account_manager,sales_team.group_sale_salesman_all_leads,{AMAZON}group_user",
    "manager": f"{AMAZON}group_manager",
    "officer": f"pii_retention.group_privacy_officer,{AMAZON}group_user",
    "auditor": "pii_retention.group_auditor",
    "plain": "base.group_user",
}
WITHOUT_APP = {"accountant", "reader", "auditor", "plain"}
"""Whoever has no menu of Amazon's; the accountant comes to an order from its sale order."""
TALKS = {"action_test_connection", "action_reread", "action_reread_spapi_order", "action_ask", "action_mend"}
"""Buttons that ask Amazon in a transaction of their own; other tests press them."""
DOCUMENTS = {
    "sale.order": ("seller", "bookkeeper", "accountant", "reader"),
    "stock.picking": ("packer", "warehouse"),
}


@tagged("post_install", "-at_install")
class TestRoles(SpapiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(cls.env, f"roles_{role}", groups=groups, tz="Europe/Rome")
            for role, groups in ROLES.items()
        }

    def setUp(self):
        super().setUp()
        self.pressed = Counter()
        self.failures = []
        numbers = self.sandbox.generate(4, marketplaces=[IT, ES], seed=31)
        self.make_products(skip=1)
        numbers += self.sandbox.generate(8, case="mixed", marketplaces=[IT], seed=32)
        broken = self.sandbox.orders()[numbers[1]]
        broken["orderItems"][0]["quantityOrdered"] = -3
        self.sandbox.patch(numbers[1], {"orderItems": broken["orderItems"]})
        self.sandbox.advance(3600)
        self.run_import()
        self.account.option_ids = [Command.create({"marketplace_id": self.account.marketplace_ids[0].id})]
        for state in ("imported", "waiting", "exception"):
            self.assertIn(state, self.env["spapi.order"].search([]).mapped("state"))

    # === WHAT A SCREEN DOES === #

    def note(self, role, *words):
        self.failures.append(" ".join(map(str, (role, *words))))

    def attempt(self, role, label, act):
        """Do as `role` what a screen does; what needs a right that the role lacks is noted, and nothing stays."""
        self.pressed[role] += 1
        try:
            with self.env.cr.savepoint() as savepoint:
                result = act()
                self.env.flush_all()
                savepoint.rollback()
        except AccessError as error:
            self.note(role, label, str(error).split("\n")[0])
        except UserError:
            pass  # a sentence that says what to do
        else:
            return result
        finally:
            self.env.invalidate_all()
        return None

    def specification(self, Model, node):
        """What the web client reads for a view's arch: ``{field: {"fields": …}}``."""
        result = {}
        for child in node.iter("field"):
            name = child.get("name")
            if name not in Model._fields or any(parent.tag == "field" for parent in child.iterancestors("field")):
                continue
            field = Model._fields[name]
            result[name] = {}
            if field.type == "many2one":
                result[name] = {"fields": {"display_name": {}}}
            elif field.type in ("one2many", "many2many"):
                inner = child.find("list")
                fields = (
                    {"display_name": {}} if inner is None else self.specification(Model.env[field.comodel_name], inner)
                )
                result[name] = {"fields": fields}
        return result

    def look(self, role, Model, view, kind, domain=(), only=""):
        """Read a view as the web client does, follow its links, press its buttons."""
        arch = etree.fromstring(Model.get_view(view, kind)["arch"])
        label = f"{Model._name} {kind}"
        if kind == "search":
            return self.search(role, Model, arch)
        if kind in ("pivot", "graph"):
            groups = [
                child.get("name") + (f":{child.get('interval')}" if child.get("interval") else "")
                for child in arch.iter("field")
                if child.get("type") != "measure"
            ]
            return self.attempt(role, label, lambda: Model.formatted_read_group([], groups, ["__count"]))
        read = self.specification(Model, arch)
        read = {name: part for name, part in read.items() if only in name}
        records = Model.search(list(domain), limit=40)
        rows = self.attempt(role, label, lambda: records.web_read(read)) or []
        if kind == "form":
            self.follow_links(role, Model, arch, only)
        for button in arch.xpath("//button[@type='object'] | //a[@type='object']"):
            name = button.get("name")
            inside = next(button.iterancestors("field"), None)
            if name in TALKS or inside is not None or only not in name:
                continue
            seen = set()
            for row in rows:
                if safe_eval(button.get("invisible") or "False", {**self.plain(row), "context": {}}):
                    continue
                state = row.get("state"), row.get("remedy"), row.get("problem_code")
                if state not in seen:
                    seen.add(state)
                    self.press_button(role, f"{label} {name} {state}", Model.browse(row["id"]), name)
        return None

    @staticmethod
    def plain(row):
        """A record's values as the web client's expressions see them."""
        return {name: value.get("id", value) if isinstance(value, dict) else value for name, value in row.items()}

    def press_button(self, role, label, record, name):
        def press():
            action = getattr(record, name)()
            if isinstance(action, dict) and action.get("type") == "ir.actions.act_window":
                Target = record.env[action["res_model"]]
                Target.check_access("read")
                if action.get("res_id"):
                    Target.browse(action["res_id"]).check_access("read")
                for view, kind in action.get("views") or []:
                    Target.get_view(view, kind)

        self.attempt(role, label, press)

    def follow_links(self, role, Model, arch, only):
        """A many2one of a form is a link: it must not lead to a refusal."""
        for node in arch.iter("field"):
            name = node.get("name")
            field = Model._fields.get(name)
            inside = next(node.iterancestors("field", "button"), None) is not None
            hidden = inside or node.get("invisible") in ("1", "True")
            if not field or field.type != "many2one" or hidden or only not in name:
                continue
            closed = "no_open" in (node.get("options") or "") or node.get("widget") == "many2one_avatar_user"
            if not closed and not Model.env[field.comodel_name].has_access("read"):
                self.note(role, f"the link {Model._name}.{name} leads to a refusal")

    def search(self, role, Model, arch):
        for node in arch.iter("field"):
            name, words = node.get("name"), node.get("filter_domain")
            domain = safe_eval(words, {"self": "x"}) if words else [(name, "ilike", "x")]
            self.attempt(role, f"{Model._name} search {name}", lambda domain=domain: Model.search(domain, limit=1))
        for node in arch.iter("filter"):
            label = f"{Model._name} filter {node.get('name')}"
            if node.get("domain"):
                domain = safe_eval(node.get("domain"), {"uid": Model.env.uid})
                self.attempt(role, label, lambda domain=domain: Model.search(domain, limit=1))
            group = safe_eval(node.get("context") or "{}").get("group_by")
            if group:
                self.attempt(role, label, lambda group=group: Model.formatted_read_group([], [group], ["__count"]))

    # === TESTS === #

    def test_every_menu_of_every_role(self):
        """No screen that a menu shows, and no button, filter or link on it, ends in a refusal."""
        root = self.env.ref(f"{AMAZON}menu_root")
        for role, user in self.users.items():
            env = self.env(user=user, su=False)
            visible = self.env["ir.ui.menu"].browse(env["ir.ui.menu"]._visible_menu_ids())
            mine = visible.filtered(lambda menu: menu.parent_path.startswith(f"{root.id}/"))
            if root not in visible:
                mine = mine.browse()
            self.assertEqual(not mine, role in WITHOUT_APP, f"{role}: {mine.mapped('name')}")
            for menu in mine.filtered("action"):
                action = menu.action
                Model = env[action.res_model]
                for view, kind in [*action.views, (action.search_view_id.id, "search")]:
                    self.look(role, Model, view, kind)
        print(f"FIGURE amazon_role_probes {sum(self.pressed.values())} probes")
        self.assertFalse(self.failures, "\n".join(self.failures))
        self.assertGreater(min(self.pressed[role] for role in ROLES if role not in WITHOUT_APP), 30)

    def test_amazons_side_of_a_document(self):
        """Sale order and delivery show Amazon's side to whoever works on them, without a role of Amazon's."""
        sales = self.env["spapi.order"].search([("sale_order_id", "!=", False)]).sale_order_id
        sales.user_id = self.users["seller"]
        domains = {"sale.order": [("id", "in", sales.ids)], "stock.picking": [("sale_id", "in", sales.ids)]}
        for model, roles in DOCUMENTS.items():
            for role in roles:
                env = self.env(user=self.users[role], su=False)
                view = {"sale.order": "sale.view_order_form", "stock.picking": "stock.view_picking_form"}[model]
                self.assertTrue(env[model].search(domains[model], limit=1), role)
                self.look(role, env[model], self.env.ref(view).id, "form", domains[model], only="spapi")
        order = sales[0].spapi_order_id
        for role in ("seller", "packer", "accountant", "reader"):
            env = self.env(user=self.users[role], su=False)
            self.look(role, env["spapi.order"], False, "form", [("id", "=", order.id)])
        self.assertFalse(self.failures, "\n".join(self.failures))

    def test_the_most_urgent_stands_first_on_a_telephone_too(self):
        """To Ship and To Resolve are sorted by ship-by date as cards as well as in the list."""
        for name in ("action_spapi_order_to_ship", "action_spapi_order_problems"):
            views = self.env.ref(f"{AMAZON}{name}").views
            self.assertEqual([kind for _view, kind in views], ["list", "kanban", "form"])
            for view, kind in views[:2]:
                arch = etree.fromstring(self.env["spapi.order"].get_view(view, kind)["arch"])
                self.assertEqual(arch.get("default_order"), "ship_by, id", f"{name} {kind}")
                self.assertFalse(arch.get("default_group_by"))

    def test_who_may_not_create_is_not_asked_to(self):
        """“New” stands only on the screens of whoever may create."""
        for role in set(ROLES) - WITHOUT_APP:
            env = self.env(user=self.users[role], su=False)
            for model in ("spapi.account", "spapi.order", "spapi.listing", "spapi.reconciliation", "spapi.recovery"):
                if not env[model].has_access("read"):
                    continue
                for kind in ("list", "kanban", "form"):
                    if model != "spapi.order" and (kind == "kanban") > (model == "spapi.account"):
                        continue
                    arch = etree.fromstring(env[model].get_view(False, kind)["arch"])
                    offered = safe_eval(str(arch.get("create", "True")).capitalize())
                    allowed = env[model].has_access("create") and model != "spapi.order"
                    self.assertEqual(bool(offered), allowed, f"{role} {model} {kind}")

    def test_another_company_sees_nothing(self):
        """Who works for another company has neither orders nor accounts nor SKUs of this one, in no screen."""
        other = self.env["res.company"].create({"name": "Elsewhere"})
        groups = f"{AMAZON}group_manager,sales_team.group_sale_manager,stock.group_stock_manager"
        user = new_test_user(
            self.env, "roles_elsewhere", groups=groups, company_id=other.id, company_ids=[Command.set(other.ids)]
        )
        env = self.env(user=user, su=False, context={"allowed_company_ids": other.ids})
        models = [
            name
            for name, Model in self.env.registry.items()
            if name.startswith("spapi.") and not Model._abstract and not Model._transient
        ]
        shared = {"spapi.marketplace", "spapi.territory", "spapi.oauth.state"}
        self.assertGreater(len(models), 12)
        for name in set(models) - shared:
            if not self.env[name].search_count([]):
                continue
            self.assertFalse(env[name].search([]), name)
            with self.assertRaises(AccessError, msg=name):
                env[name].browse(self.env[name].search([], limit=1).id).read()

    def test_the_number_on_a_card_is_what_a_click_opens(self):
        """Each number of an account, and the list behind it, for readers on both sides of midnight."""
        order = self.env["spapi.order"].search([("state", "=", "imported")], limit=1)
        order.cancel_requested = True
        self.env["spapi.order"].search([("state", "=", "exception")], limit=1).copy(
            {"state": "quarantined", "amazon_order_id": "UNREADABLE-0"}
        )
        everything = self.env["spapi.order"].search([])
        for index, one in enumerate(everything):
            one.purchase_date = self.env.cr.now().replace(microsecond=0, minute=0, hour=(5 * index) % 24)
        buttons = {
            "today_count": "action_view_today",
            "to_ship_count": "action_view_to_ship",
            "risk_count": "action_view_risk",
            "waiting_count": "action_view_waiting",
            "exception_count": "action_view_exceptions",
            "order_count": "action_view_orders",
            "unmapped_count": "action_view_unmapped",
        }
        seen = Counter()
        for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
            # the browser's time zone counts where the user has none
            self.users["clerk"].tz = False
            account = self.account.with_user(self.users["clerk"]).with_context(tz=zone)
            account.invalidate_recordset()
            for name, method in buttons.items():
                action = getattr(account, method)()
                Model = account.env[action["res_model"]]
                arch = etree.fromstring(Model.get_view(action.get("search_view_id") or False, "search")["arch"])
                chosen = [key.removeprefix("search_default_") for key in action["context"] if "search_default" in key]
                nodes = [arch.find(f".//filter[@name='{filter_name}']") for filter_name in chosen]
                parts = [Domain(safe_eval(node.get("domain"))) for node in nodes]
                domain = Domain(action["domain"]) & (Domain.OR(parts) if parts else Domain.TRUE)
                self.assertEqual(account[name], Model.search_count(domain), f"{zone} {name}")
                seen[name] += account[name]
        self.assertFalse([name for name in buttons if not seen[name]], "a number that is nowhere but 0 proves nothing")
