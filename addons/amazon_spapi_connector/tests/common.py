"""Base classes: a sandbox over HTTP, a key store of its own, an account connected to both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.tests import TransactionCase

from odoo.addons.base.models import ir_cron
from odoo.addons.pii_retention import proof, tombstones
from odoo.addons.pii_retention.keys import STORE_ID

from ..spapi.auth import TOKENS

real_uuid = tombstones.subject_uuid

IT, ES, FR, DE = "APJ6JRA9NG5V4", "A1RKKUPIHCS9HS", "A13V1IB3VIYZZH", "A1PA6795UKMFR9"
CLIENT_ID = "amzn1.application-oa2-client.sandbox"
CLIENT_SECRET = "sandbox-client-secret"
SELLER = "A1SANDBOXSELLER"
REFRESH_TOKEN = f"Atzr|sandbox-{SELLER}"


def _repository() -> Path:
    for folder in Path(__file__).resolve().parents:
        if (folder / "sandbox" / "__main__.py").exists():
            return folder
    raise AssertionError("the sandbox package is not above this addon")


class Sandbox:
    """A sandbox process of its own, on a free port, with its state in a temporary folder."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--state", f"{self.folder.name}/state.sqlite"]
        self.process = subprocess.Popen(command, cwd=_repository(), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert "listening on" in line, f"the sandbox did not start: {line!r}"
        self.url = line.split()[-1]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.folder.cleanup()

    def control(self, method: str, path: str, body=None):
        """A call of the control API; returns its JSON."""
        request = urllib.request.Request(
            f"{self.url}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def reset(self) -> None:
        self.control("POST", "reset", {"seed": 1})

    def generate(
        self, count: int, case: str = "fbm_unshipped", marketplaces=(IT, ES, FR, DE), seed: int = 1
    ) -> list[str]:
        body = {"count": count, "case": case, "marketplaces": list(marketplaces), "seed": seed}
        return self.control("POST", "orders/generate", body)["orderIds"]

    def orders(self) -> dict[str, dict]:
        rows = self.control("GET", "orders")
        rows = rows if isinstance(rows, list) else rows["orders"]
        return {row["orderId"]: row for row in rows}

    def put(self, *orders) -> None:
        self.control("POST", "orders", {"orders": list(orders), "validate": False})

    def patch(self, order_id: str, body: dict) -> None:
        self.control("PATCH", f"orders/{order_id}", body)

    def fault(self, kind: str, operation: str = "searchOrders", times: int = 1, after: int = 0, **params) -> None:
        body = {"operation": operation, "kind": kind, "times": times, "after": after, "params": params}
        self.control("POST", "faults", body)

    def advance(self, seconds: int) -> None:
        self.control("POST", "time", {"advance": seconds})

    def counts(self) -> dict[str, int]:
        return self.control("GET", "journal/counts")


class SandboxMixin:
    """Gives a test class a sandbox, a key store and a connected account."""

    #: As in the vault's own tests: whoever moves time by days does not want to prove each of them.
    needs_proof = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.needs_proof:
            cls.startClassPatcher(patch.object(proof, "intake_refusal", lambda env, company: False))
        cls.sandbox = Sandbox()
        cls.addClassCleanup(cls.sandbox.close)
        keys = tempfile.TemporaryDirectory()
        cls.addClassCleanup(keys.cleanup)
        before = os.environ.get("PII_KEY_STORE")
        os.environ["PII_KEY_STORE"] = f"{keys.name}/store"
        cls.addClassCleanup(_restore, before)
        # The database may know another store; for this class, whose changes are undone, it has never used one.
        cls.env["ir.config_parameter"].set_param(STORE_ID, False)
        cls.company = cls.env.company
        if not cls.company.chart_template:
            cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)
        cls.give_rates(EUR=0.9)
        cls.env.user.group_ids += cls.env.ref("amazon_spapi_connector.group_manager")
        cls.account = cls._new_account()

    @classmethod
    def _new_account(cls, **values):
        url = cls.sandbox.url
        return cls.env["spapi.account"].create(
            {
                "name": "Sandbox",
                "company_id": cls.company.id,
                "region": "custom",
                "endpoint_url": url,
                "token_url": f"{url}/auth/o2/token",
                "consent_url": f"{url}/apps/authorize/consent",
                "application_id": "amzn1.sp.solution.sandbox",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "refresh_token": REFRESH_TOKEN,
                "seller_id": SELLER,
                "state": "connected",
                "marketplace_ids": cls.env["spapi.marketplace"].search([("amazon_id", "in", (IT, ES, FR, DE))]).ids,
                "import_since": "2020-01-01",
                "changes_interval": 0,
                **values,
            }
        )

    def setUp(self):
        super().setUp()
        self.sandbox.reset()
        # Who was erased stays so beside the keys, whatever is rolled back: each test has buyers of its own.
        salt = self.id()
        self.patch(tombstones, "subject_uuid", lambda domain, origin, ref: real_uuid(domain, origin + salt, ref))
        # Tokens outlive a test in this process, but not the sandbox's clock that a test has turned.
        TOKENS.clear()

    # === STEPS === #

    @contextmanager
    def committing(self):
        """An environment whose commits and second cursors stay inside this test."""
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def run_job(self, name: str):
        """A scheduled action as a worker runs it, on a machine so slow that the time is up after each step."""
        cron = self.env.ref(name)
        job = {
            "id": cron.id,
            "user_id": cron.user_id.id,
            "cron_name": cron.cron_name,
            "ir_actions_server_id": cron.ir_actions_server_id.id,
            "lastcall": False,
            "timed_out_counter": 0,
            "active": True,
        }
        self.env.flush_all()
        with (
            self.enter_registry_test_mode(),
            patch.object(ir_cron, "MIN_TIME_PER_JOB", 0),
            self.assertNoLogs("odoo.addons.base.models.ir_cron", "WARNING"),
        ):
            status = self.registry["ir.cron"]._run_job(job)
        self.env.invalidate_all()
        return status

    def ask(self, number, **values):
        """Why an order is not here, asked by the wizard with the buttons a person presses."""
        question = self.env["spapi.order.question"].create({"number": number, **values})
        with self.committing() as env:
            question.with_env(env).action_ask()
        self.env.invalidate_all()
        return question

    def run_import(self) -> None:
        """What the cron does."""
        with self.committing() as env:
            env["spapi.account"]._cron_import_orders(force=True)
        self.env.invalidate_all()

    def press(self, action: str):
        """Press a button of the account that talks to Amazon (the quota is counted in a transaction of its own)."""
        with self.committing() as env:
            try:
                result = getattr(self.account.with_env(env), action)()
            except UserError as error:
                # Here all cursors are one connection: only what leaves the block in peace is kept, as in a request
                # whose own transaction is undone while what was committed beside it stays.
                result = error
        self.env.invalidate_all()
        return result

    def make_products(self, skip: int = 0):
        """A storable product for each SKU that the sandbox's orders name, but for the first `skip`."""
        skus = sorted(
            {
                item["product"]["sellerSku"]
                for order in self.sandbox.orders().values()
                for item in order.get("orderItems") or []
                if isinstance(item, dict) and item.get("product", {}).get("sellerSku")
            }
        )
        # A database with products of its own must not make a SKU ambiguous.
        self.env["product.product"].search([("default_code", "in", skus)]).write({"default_code": False})
        values = [{"name": f"Product {sku}", "default_code": sku, "is_storable": True} for sku in skus[skip:]]
        self.env["product.product"].create(values)
        return skus[:skip]

    @classmethod
    def give_rates(cls, **rates):
        """Let currencies be active, and be worth so much of one unit of the company's."""
        for code, rate in rates.items():
            currency = cls.env.ref(f"base.{code}")
            currency.active = True
            if not currency.rate_ids and currency != cls.company.currency_id:
                cls.env["res.currency.rate"].create({"currency_id": currency.id, "name": "2020-01-01", "rate": rate})

    def order(self, order_id: str):
        return self.env["spapi.order"].search(
            [("account_id", "=", self.account.id), ("amazon_order_id", "=", order_id)]
        )

    def one_raw_order(self, **changes) -> dict:
        """A generated merchant-fulfilled, unshipped order as the sandbox holds it, with top-level `changes`."""
        order_id = self.sandbox.generate(1, marketplaces=[IT], seed=7)[0]
        return {**deepcopy(self.sandbox.orders()[order_id]), **changes}

    def snapshot(self) -> dict:
        """What an import leaves behind, without database ids and times: equal databases give equal snapshots."""
        orders = self.env["spapi.order"].search([("account_id", "=", self.account.id)])
        return {
            order.amazon_order_id: (
                order.state,
                order.problem_code,
                order.status,
                order.payload_hash,
                order.amount_total,
                order.subject_id.reference,
                [
                    (line.item_id, line.sku, line.quantity, line.amount_total)
                    for line in order.line_ids.sorted("item_id")
                ],
                order.sale_order_id.amount_total,
                len(order.sale_order_id.picking_ids),
                sorted(order.sale_order_id.order_line.mapped("price_unit")),
            )
            for order in orders
        }


class SpapiCase(SandboxMixin, TransactionCase):
    """A connected account in a transaction that is rolled back."""


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop("PII_KEY_STORE", None)
    else:
        os.environ["PII_KEY_STORE"] = before
