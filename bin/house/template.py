"""The template database: stock Odoo once per Odoo version, our addons on top once per state of their files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .cache import Cache
from .database import Workplace, addons_hash, own_addons
from .progress import say

STOCK = ("sale_management", "sale_stock", "stock_delivery", "account", "l10n_it")
"""Odoo's own modules that our addons or their tests stand on."""
COMPANY_SCRIPT = Path(__file__).with_name("company_script.py")
BROWSER_SCRIPT = Path(__file__).with_name("browser_script.py")
_KEEP = 2


def ensure(cache: Cache, place: Workplace, folder: Path) -> str:
    """The name of an up-to-date template, made when the files changed; older ones are dropped.

    :raises HouseError: when Odoo cannot install the modules.
    """
    stock_mark = hashlib.sha256(f"{place.odoo.version}|{STOCK}|{COMPANY_SCRIPT.read_text()}".encode()).hexdigest()[:8]
    browser_mark = hashlib.sha256(BROWSER_SCRIPT.read_bytes()).hexdigest()[:4]
    stock, template = f"stock_{stock_mark}", f"tpl_{addons_hash(place.odoo)}_{stock_mark}{browser_mark}"
    log = folder / "template.log"
    with cache.lock("template"):
        if place.exists(template):
            say("The template database is there already")
            return template
        log.unlink(missing_ok=True)
        half = "half_made"
        config = place.config(folder / "template.conf", half, folder / "template-keys")
        if not place.exists(stock):
            place.drop(half)
            place.install(config, log, "Database with Odoo's modules", install=STOCK)
            place.script(config, half, log, "Italian books", COMPANY_SCRIPT)
            place.rename(half, stock)
        place.copy(stock, half)
        addons = own_addons()
        if addons:
            place.install(config, log, "Database with our addons", install=addons)
            place.script(config, half, log, "Scripts and styles", BROWSER_SCRIPT)
        place.rename(half, template)
        for old in [name for name in place.names("tpl_") if name != template][: -_KEEP + 1 or None]:
            place.drop(old)
        for old in [name for name in place.names("stock_") if name != stock]:
            place.drop(old)
    return template
