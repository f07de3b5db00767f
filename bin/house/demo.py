"""``bin/demo``: Odoo, PostgreSQL and a local Amazon, with orders imported by the addons, until Ctrl-C."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import secrets
import time
import urllib.request
from pathlib import Path
from typing import Any

from . import setting_up, system
from .amazon import CREDENTIALS, MARKETPLACES, LocalAmazon
from .cache import Cache
from .database import Workplace, addons_hash, own_addons
from .errors import HouseError
from .printer import LocalPrinter
from .process import Child, port_is_free, tail
from .progress import Step, say
from .template import COMPANY_SCRIPT, STOCK

DATABASE = "amazon_demo"
_SCRIPT = Path(__file__).with_name("demo_script.py")
_SINCE_DAYS = 30
_PEOPLE = (
    (
        "warehouse",
        "Wanda Warehouse",
        ("stock.group_stock_user", "amazon_spapi_connector.group_user", "pii_retention.group_fulfilment"),
    ),
    (
        "accountant",
        "Aldo Accountant",
        (
            "account.group_account_invoice",
            "sales_team.group_sale_salesman_all_leads",
            "amazon_spapi_connector.group_user",
            "pii_retention.group_fiscal",
        ),
    ),
    (
        "care",
        "Carla Care",
        (
            "sales_team.group_sale_salesman_all_leads",
            "stock.group_stock_user",
            "amazon_spapi_connector.group_user",
            "pii_retention.group_customer_care",
        ),
    ),
    (
        "privacy",
        "Petra Privacy",
        ("base.group_user", "amazon_spapi_connector.group_user", "pii_retention.group_privacy_officer"),
    ),
    (
        "deputy",
        "Dario Deputy",
        ("base.group_user", "amazon_spapi_connector.group_user", "pii_retention.group_privacy_officer"),
    ),
    ("auditor", "Arne Auditor", ("base.group_user", "pii_retention.group_auditor")),
)
"""Login, name and groups of the demo's people."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Set up Odoo 19, PostgreSQL and a local Amazon, import orders, and stay up until Ctrl-C.",
    )
    parser.add_argument("--once", action="store_true", help="end after the table of what happened")
    parser.add_argument("--port", type=int, default=8069, help="port of Odoo on 127.0.0.1 (default: 8069)")
    parser.add_argument("--orders", type=int, default=200, help="orders of the first import (default: 200)")
    given = parser.parse_args()
    if not 1 <= given.port <= 65535:
        raise HouseError(f"{given.port} is no port; choose one between 1024 and 65535 with --port.")
    if not 1 <= given.orders <= 100_000:
        raise HouseError(f"{given.orders} is no number of orders; choose one between 1 and 100000 with --orders.")
    if not given.once and not port_is_free(given.port):
        raise HouseError(f"Port {given.port} is taken on 127.0.0.1; choose another one with --port.")
    return given


def main() -> int:
    """Entry point."""
    started = time.monotonic()
    given = _arguments()
    cache = Cache()
    busy = f"Another bin/demo is at work in {cache.path}; stop it first."
    with contextlib.ExitStack() as stack:
        stack.enter_context(cache.lock("demo", wait=False, busy=busy))
        system.ensure(cache, ("wkhtmltopdf",))
        found = setting_up.base(cache)
        place, folder = stack.enter_context(setting_up.workplace(found, "demo", durable=True))
        say(f"Using {place.server.label}")
        amazon = LocalAmazon(folder / "sandbox.sqlite", folder / "sandbox.out", place.python)
        stack.callback(amazon.stop)
        config = _database(place, folder)
        logins = _logins(folder)
        printer = LocalPrinter(folder / "printer.out", place.python)
        stack.callback(printer.stop)
        result = _import(place, folder, config, amazon, printer, logins, given.orders, given.port)
        _table(result, amazon, logins, time.monotonic() - started)
        if result["error"]:
            raise HouseError(f"The import ended with an error: {result['error']}")
        if not given.once:
            _stay(stack, place, folder, given.port)
    return 0


def _key_store(folder: Path) -> Path:
    return folder / "keys"


def _config(place: Workplace, folder: Path, database: str, **options: object) -> Path:
    master = folder / "master.key"
    if not master.exists():
        with os.fdopen(os.open(master, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
    vault = {"environment": "demo", "master_key": f"file:{master}"}
    return place.config(folder / f"{database}.conf", database, _key_store(folder), vault, **options)


def _database(place: Workplace, folder: Path) -> Path:
    """The demo's database, made or brought up to date; returns its configuration file."""
    mark, log = folder / "addons.hash", folder / "setup.log"
    current = addons_hash(place.odoo)
    log.unlink(missing_ok=True)
    config = _config(place, folder, DATABASE)
    if not place.exists(DATABASE):
        half = f"{DATABASE}_half"
        place.drop(half)
        half_config = _config(place, folder, half)
        place.install(half_config, log, "Database with Odoo's modules", install=STOCK)
        place.script(half_config, half, log, "Italian books", COMPANY_SCRIPT)
        place.install(half_config, log, "Database with our addons", install=own_addons())
        place.rename(half, DATABASE)
        mark.write_text(current)
    elif not mark.exists() or mark.read_text() != current:
        place.install(config, log, f"Updating the addons in {DATABASE}", update=own_addons())
        mark.write_text(current)
    else:
        say(f"The database {DATABASE} is there already; it is used again")
    return config


def _logins(folder: Path) -> list[dict[str, Any]]:
    """The people with their passwords, which belong to this database and stay readable for their owner only."""
    path = folder / "logins.json"
    passwords: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        passwords = json.loads(path.read_text())
    if missing := [login for login, _name, _groups in _PEOPLE if login not in passwords]:
        passwords |= {login: secrets.token_urlsafe(9) for login in missing}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(passwords, out)
    return [
        {"login": login, "name": name, "groups": groups, "password": passwords[login]}
        for login, name, groups in _PEOPLE
    ]


def _import(
    place: Workplace,
    folder: Path,
    config: Path,
    amazon: LocalAmazon,
    printer: LocalPrinter,
    logins: list[dict[str, Any]],
    wanted: int,
    port: int,
) -> dict[str, Any]:
    with Step("Orders on the local Amazon") as step:
        truth = amazon.ensure_orders(wanted)
        step.update(1.0)
    catalogue = {
        str(item["product"]["sellerSku"]): str(item["product"].get("title") or "")
        for order in truth
        for item in order.get("orderItems", ())
        if item.get("product", {}).get("sellerSku")
    }
    amazon.forget_journal()
    log = folder / "import.log"
    log.unlink(missing_ok=True)

    def so_far() -> float:
        with contextlib.suppress(HouseError, ValueError):
            sql = "SELECT count(*), count(*) FILTER (WHERE state <> 'new') FROM spapi_order"
            stored, done = (int(number) for number in place.server.psql(sql, DATABASE)[0].split("|"))
            return 0.1 + (0.2 * stored + 0.65 * done) / len(truth)
        return 0.0

    return dict(
        place.script(
            config,
            DATABASE,
            log,
            f"Importing {len(truth)} orders",
            _SCRIPT,
            so_far,
            sandbox=amazon.url,
            printer=printer.uri,
            marketplaces=list(MARKETPLACES.values()),
            catalogue=catalogue,
            logins=logins,
            app=CREDENTIALS,
            since=_SINCE_DAYS,
            base_url=f"http://127.0.0.1:{port}",
            expected=len(truth),
        )
    )


def _table(result: dict[str, Any], amazon: LocalAmazon, logins: list[dict[str, Any]], seconds: float) -> None:
    new = result["orders"] - result["before"]
    counts = amazon.counts()
    rows = [
        ("orders", f"{result['orders']} ({new} new; {', '.join(MARKETPLACES)})"),
        *((f"  {name}", str(number)) for name, number in sorted(result["states"].items())),
        ("sale orders", str(result["sale_orders"])),
        ("deliveries", str(result["deliveries"])),
        ("subjects sealed", str(result["subjects"])),
        ("API calls made", f"{sum(counts.values())} ({', '.join(f'{k} {v}' for k, v in sorted(counts.items()))})"),
        ("seconds", f"{seconds:.0f}"),
    ]
    width = max(len(name) for name, _value in rows)
    say("")
    for name, value in rows:
        say(f"  {name:<{width}}  {value}")
    say("")
    say(f"  {'login':<12} {'password':<14} who")
    for one in logins:
        say(f"  {one['login']:<12} {one['password']:<14} {one['name']}")
    say("")


def _stay(stack: contextlib.ExitStack, place: Workplace, folder: Path, port: int) -> None:
    """Serve until a signal comes. :raises HouseError: when Odoo ends by itself."""
    config = _config(place, folder, DATABASE, http_port=port, max_cron_threads=1)
    log = folder / "odoo.log"
    log.unlink(missing_ok=True)
    url = f"http://127.0.0.1:{port}"
    with Step("Starting Odoo") as step:
        server = Child("Odoo", place.command(config), log, place.env, cwd=place.data_dir)
        stack.callback(server.stop)

        def answers() -> bool:
            step.update(min(0.95, step.seconds / 10))
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/web/health", timeout=5) as answer:
                return bool(answer.status == 200)
            return False

        server.wait_ready(answers, 120)
    say(f"\nOdoo is at {url}/odoo, the local Amazon behind it; Ctrl-C ends both.")
    server.process.wait()
    raise HouseError(f"Odoo ended by itself (code {server.process.returncode}): {tail(log)} [{log}]")
