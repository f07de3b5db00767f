"""Odoo 19: Debian's package unpacked into the cache, or the one that ``ODOO_HOME`` names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .apt import ODOO_SUITE, Apt, deb_field, unpack
from .cache import Cache, remove
from .errors import HouseError
from .progress import Step, say

SERIES = "19.0"
_ODOO = "odoo-19"
_LINKED = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
    "fonts-font-awesome",
)
"""Packages that Odoo's relative links point to; if possible of the machine's own suite: sid's Font Awesome is not the
4.7 that Odoo's styles are written for."""


@dataclass(frozen=True)
class Odoo:
    """Where Odoo is: the folder to put on ``sys.path``, its version, and addon folders that it does not find itself."""

    dist: Path
    version: str
    addons: tuple[Path, ...] = ()


def _read_version(dist: Path) -> str:
    release = dist / "odoo" / "release.py"
    try:
        match = re.search(r"^version_info\s*=\s*\(\s*(\d+)\s*,\s*(\d+)", release.read_text(), re.M)
    except OSError as exc:
        raise HouseError(f"ODOO_HOME={dist} holds no readable 'odoo/release.py', so it is not an Odoo.") from exc
    series = f"{match[1]}.{match[2]}" if match else "unknown"
    if series != SERIES:
        raise HouseError(f"ODOO_HOME={dist} is Odoo {series}; {SERIES} is needed.")
    return series


def ensure(cache: Cache) -> Odoo:
    """Odoo 19, fetched and unpacked if it is not there yet. ``HOUSE_ODOO_REFRESH=1`` asks the mirror for a newer one.

    :raises HouseError: without network, mirror or disk space, or when ``ODOO_HOME`` is not Odoo 19.
    """
    named = os.environ.get("ODOO_HOME")
    if named:
        dist = Path(named).expanduser().absolute()
        version = _read_version(dist)
        # a checkout keeps most addons beside the package, an installation has all of them inside
        beside = dist / "addons"
        inside = (dist / "odoo" / "addons" / "web").is_dir()
        return Odoo(dist, f"{version} of ODOO_HOME", (beside,) if beside.is_dir() and not inside else ())
    folder = cache.folder("odoo")
    current = folder / "current"
    if current.exists() and not os.environ.get("HOUSE_ODOO_REFRESH"):
        say(f"Odoo {current.resolve().name} is there already")
    else:
        _fetch(cache, folder, current)
    root = current.resolve()
    return Odoo(root / "usr/lib/python3/dist-packages", root.name)


def _fetch(cache: Cache, folder: Path, current: Path) -> None:
    cache.need_space(3)
    apt = Apt(cache)
    for left_over in folder.glob("*.tmp"):
        remove(left_over)
    debs = folder / "debs.tmp"
    with Step("Reading the package lists") as step:
        apt.update(step.update)
    with Step("Fetching Odoo and its fonts") as step:
        linked = [f"{name}/{apt.suite_of(name)}" for name in _LINKED]
        apt.download([f"{_ODOO}/{ODOO_SUITE}", *linked], debs, step.update)
    files = sorted(debs.glob("*.deb"), key=lambda path: path.stat().st_size)
    version = next(deb_field(path, "Version") for path in files if path.name.startswith(f"{_ODOO}_"))
    target = folder / re.sub(r"[^\w.+~-]", "_", version)
    if not target.exists():
        half = folder / f"{target.name}.tmp"
        with Step(f"Unpacking Odoo {version}") as step:
            sizes = [path.stat().st_size for path in files]
            for number, path in enumerate(files):
                base, share = sum(sizes[:number]) / sum(sizes), sizes[number] / sum(sizes)
                unpack(path, half, lambda part, base=base, share=share: step.update(base + part * share))
        half.rename(target)
    link = folder / "current.tmp"
    link.symlink_to(target.name)
    link.replace(current)
    remove(debs)
