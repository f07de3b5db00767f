"""Checks of the addons' files that need nothing but Python: manifests, XML, CSV, licences."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from xml.etree import ElementTree

from . import REPO
from .odoo import SERIES

LICENSE = "LGPL-3"
TOOLS = {"pytest-odoo", "pylint-odoo"}
"""AGPL programs that only look at the code: run by developers, imported by nothing of ours, shipped to nobody."""
_DATA = ("data", "security", "views", "report", "wizard", "wizards")
_ACL = ["id", "name", "model_id:id", "group_id:id", "perm_read", "perm_write", "perm_create", "perm_unlink"]


def _manifest(addon: Path) -> Iterator[str]:
    path = addon / "__manifest__.py"
    try:
        manifest = ast.literal_eval(path.read_text())
    except (ValueError, SyntaxError) as exc:
        yield f"{path}: not a dictionary of literals: {exc}"
        return
    for key in ("name", "summary", "version", "author", "license", "depends"):
        if not manifest.get(key):
            yield f"{path}: the key {key} is missing"
    if manifest.get("license") != LICENSE:
        yield f"{path}: the licence is {manifest.get('license')}, not {LICENSE}"
    if not re.fullmatch(re.escape(SERIES) + r"\.\d+\.\d+\.\d+", str(manifest.get("version"))):
        yield f"{path}: the version {manifest.get('version')} is not {SERIES}.x.y.z"
    named = [name for key in ("data", "demo") for name in manifest.get(key, ())]
    for name in named:
        if not (addon / name).is_file():
            yield f"{path}: {name} does not exist"
    for name in {name for name in named if named.count(name) > 1}:
        yield f"{path}: {name} is listed twice"
    for folder in _DATA:
        for file in sorted((addon / folder).glob("*")):
            if file.suffix in (".xml", ".csv") and str(file.relative_to(addon)) not in named:
                yield f"{file}: not listed in the manifest"


def _xml(addon: Path) -> Iterator[str]:
    seen: dict[str, Path] = {}
    for path in sorted(addon.rglob("*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as exc:
            yield f"{path}: not well-formed: {exc}"
            continue
        if root.tag != "odoo":
            continue
        for element in root.iter():
            name = element.get("id")
            if element.tag in ("record", "template", "menuitem", "asset") and name:
                if name in seen:
                    yield f"{path}: the id {name} is in {seen[name].name} already"
                seen[name] = path


def _csv(addon: Path) -> Iterator[str]:
    for path in sorted(addon.rglob("*.csv")):
        with path.open(newline="") as lines:
            rows = list(csv.reader(lines))
        if not rows:
            yield f"{path}: empty"
            continue
        if path.name == "ir.model.access.csv" and rows[0] != _ACL:
            yield f"{path}: the columns are not {','.join(_ACL)}"
        for number, row in enumerate(rows[1:], 2):
            if row and len(row) != len(rows[0]):
                yield f"{path}:{number}: {len(row)} values for {len(rows[0])} columns"
        ids = [row[0] for row in rows[1:] if row]
        for name in {name for name in ids if ids.count(name) > 1}:
            yield f"{path}: the id {name} is there twice"


def addon_files(folder: Path = REPO / "addons") -> Iterator[str]:
    """Yield one line for each defect of the addons' manifests, XML and CSV files."""
    for manifest in sorted(folder.glob("*/__manifest__.py")):
        for check in (_manifest, _xml, _csv):
            yield from check(manifest.parent)


def _pinned(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?==", line)
        if match:
            yield _normal(match[1])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_agpl(dist: Distribution) -> bool:
    said = [dist.metadata.get(key) or "" for key in ("License-Expression", "License")]
    said += dist.metadata.get_all("Classifier") or []
    return any(re.search(r"AGPL|Affero", text, re.I) for text in said)


def licences(site: Path) -> Iterator[str]:
    """Yield a line for each requirement that is AGPL, that is not pinned to a version, or that is not installed.

    :param site: the venv's ``site-packages``
    """
    found = {_normal(dist.metadata["Name"]): dist for dist in distributions(path=[str(site)])}
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-oca.txt"):
        path = REPO / name
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith(("#", "-r ")) and "==" not in line:
                yield f"{path}: {line.strip()} is not pinned"
        for requirement in _pinned(path):
            dist = found.get(requirement)
            if dist is None:
                yield f"{path}: {requirement} is not installed"
            elif _is_agpl(dist) and requirement not in TOOLS:
                yield f"{path}: {requirement} is AGPL, which our addons ({LICENSE}) must not stand on"
