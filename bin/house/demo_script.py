"""Runs inside Odoo (see ``odoo_script.py``): link the seller, make products and users, import through the product.

Arguments: ``sandbox`` (base URL of the local Amazon), ``marketplaces`` (Amazon's ids), ``catalogue`` ({SKU: title}),
``logins`` ([{"login", "name", "password", "groups"}]), ``printer`` (address of the local printer),
``app`` ({"client_id", "client_secret", "application_id",
"seller_id", "refresh_token"}), ``since`` (days that the first import looks back), ``base_url``
(where Odoo will be).
"""

from datetime import timedelta

from odoo import fields
from odoo.fields import Command

from odoo.addons.pii_retention import channel

STOCK = 1000
"""Units of each product on hand, so that the deliveries are ready to pick."""
CALLS = 60
"""Runs of the import cron before something must be wrong: it comes back while it says that work is left."""


def make_products(env, catalogue):
    """A storable product for each SKU that has none; returns how many were made."""
    Product = env["product.product"]
    known = set(Product.search([("default_code", "in", list(catalogue))]).mapped("default_code"))
    missing = {sku: title for sku, title in catalogue.items() if sku not in known}
    made = Product.create(
        [
            {
                "name": title or sku,
                "default_code": sku,
                "type": "consu",
                "is_storable": True,
                "taxes_id": [Command.clear()],
            }
            for sku, title in missing.items()
        ]
    )
    stock = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1).lot_stock_id
    for product in made:
        env["stock.quant"]._update_available_quantity(product, stock, STOCK)
    return len(missing)


def make_users(env, logins):
    """The people of the demo, with the groups of their work and nothing more."""
    Users = env["res.users"].with_context(no_reset_password=True)
    for one in logins:
        groups = [env.ref(xml_id).id for xml_id in one["groups"]]
        values = {"name": one["name"], "password": one["password"], "group_ids": [Command.set(groups)]}
        user = Users.search([("login", "=", one["login"])])
        if user:
            user.write(values)
        else:
            Users.create({"login": one["login"], **values})


def open_the_vault(env, login, printer_uri):
    """The privacy officer's first day: she approves the roles that her colleagues were given, and the printer.

    In the product she signs in and presses Approve; nobody signs in to a script, so it plays her browser. The second
    factor, which the policy asks for, is switched off: nobody should need a telephone to look at a demo. Her deputy
    asks for that, because nobody loosens the policy alone.
    """
    officer = env["res.users"].search([("login", "=", login)])
    deputy = env["res.users"].search([("login", "=", "deputy")])
    requests = env["pii.grant"].search([("state", "=", "requested"), ("user_id", "!=", officer.id)])
    browser = channel.caller
    try:
        for policy in env["pii.policy"].with_user(deputy).search([]):
            channel.caller = lambda: channel.Caller(channel.WEB, deputy.id)
            if policy.company_id._pii_figure("tz") == "UTC":
                # an Italian company; its days end before those of UTC, so that one person is enough
                policy._ask("tz", "Europe/Rome", "days end in Italy")
            if policy.company_id._pii_figure("mfa_required"):
                asked = policy._ask("mfa_required", False, "a demo without telephones")
                channel.caller = lambda: channel.Caller(channel.WEB, officer.id)
                asked.with_user(officer).action_approve()
        channel.caller = lambda: channel.Caller(channel.WEB, officer.id)
        requests.with_user(officer).action_approve()
        connect_printer(env, printer_uri).with_user(officer).action_release()
    finally:
        channel.caller = browser


def connect_printer(env, uri):
    """The packing table's printer, at its present address."""
    printer = env["pii.printer"].search([("name", "=", "Packing table")], limit=1)
    if printer:
        printer.uri = uri
    else:
        printer = env["pii.printer"].create({"name": "Packing table", "uri": uri})
    return printer


def link_account(env, sandbox, app, marketplaces, since):
    """The seller's account, pointing at the local Amazon's present address, tested."""
    Account = env["spapi.account"]
    account = Account.search([("seller_id", "=", app["seller_id"])], limit=1)
    values = {
        "region": "custom",
        "endpoint_url": sandbox,
        "token_url": f"{sandbox}/auth/o2/token",
        "consent_url": f"{sandbox}/apps/authorize/consent",
        "application_id": app["application_id"],
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "refresh_token": app["refresh_token"],
    }
    chosen = env["spapi.marketplace"].search([("amazon_id", "in", marketplaces)])
    if account:
        account.write({**values, "retry_at": False})
    else:
        account = Account.create(
            {
                **values,
                "user_id": env.ref("base.user_admin").id,
                "name": "Local Amazon (demo)",
                "seller_id": app["seller_id"],
                "marketplace_ids": [Command.set(chosen.ids)],
                "import_since": fields.Datetime.now() - timedelta(days=since),
            }
        )
    env.cr.commit()  # the quota of calls is kept by a transaction of its own, which has to see the account
    account.action_test_connection()
    return account


def import_orders(env, account, expected, progress):
    """Run the import as the cron does until nothing is left to do."""
    Order = env["spapi.order"]
    before = None
    for turn in range(CALLS):
        env["spapi.account"]._cron_import_orders(force=turn == 0)
        env.cr.commit()
        env.invalidate_all()
        seen = Order.search_count([("account_id", "=", account.id)])
        queued = Order.search_count(
            [("account_id", "=", account.id), ("state", "=", "new"), ("has_address", "=", True)]
        )
        progress(0.2 + 0.75 * min(1.0, seen / max(1, expected)), f"{seen} orders")
        if (seen, queued) == before or (seen >= expected and not queued):
            break
        before = (seen, queued)
    return account.last_error or ""


def count(env, account):
    """What is in the database now."""
    orders = env["spapi.order"].search([("account_id", "=", account.id)])
    sales = orders.sale_order_id
    states = dict(env["spapi.order"]._fields["state"]._description_selection(env))
    by_state = {}
    for order in orders:
        by_state[states[order.state]] = by_state.get(states[order.state], 0) + 1
    return {
        "orders": len(orders),
        "sale_orders": len(sales),
        "deliveries": env["stock.picking"].search_count([("sale_id", "in", sales.ids)]),
        "subjects": env["pii.subject"].search_count([]),
        "states": by_state,
    }


# documents load their styles from here, and the consent page returns to it
env["ir.config_parameter"].set_param("web.base.url", args["base_url"])  # noqa: F821
progress(0.02, "products")  # noqa: F821
made = make_products(env, args["catalogue"])  # noqa: F821
make_users(env, args["logins"])  # noqa: F821
open_the_vault(env, "privacy", args["printer"])  # noqa: F821
cr.commit()  # noqa: F821
progress(0.1, "seller account")  # noqa: F821
linked = link_account(env, args["sandbox"], args["app"], args["marketplaces"], args["since"])  # noqa: F821
cr.commit()  # noqa: F821
already = count(env, linked)["orders"]  # noqa: F821
if already < args["expected"]:  # noqa: F821
    # orders that were added to the local Amazon may lie before the moment up to which everything is read
    linked.sudo().cursor_ids.unlink()
    cr.commit()  # noqa: F821
error = import_orders(env, linked, args["expected"], progress)  # noqa: F821
result = {**count(env, linked), "before": already, "products": made, "error": error}  # noqa: F821
