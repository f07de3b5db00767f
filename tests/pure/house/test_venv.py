"""Two runs beside each other never take away what the other one builds."""

from pathlib import Path

import pytest

from house import venv
from house.cache import Cache
from house.odoo import Odoo


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def odoo(tmp_path):
    return Odoo(tmp_path / "dist", "19.0", ())


def made(cache: Cache, name: str, odoo: Odoo, *, whole: bool = True) -> Path:
    target = cache.folder(f"venv/{name}")
    site = target / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (target / "bin").mkdir()
    (target / "bin" / "python").touch()
    (site / "odoo_home.pth").write_text(f"{odoo.dist}\n")
    if whole:
        (target / "complete").write_text("Python, Odoo\n")
    return target


def test_what_is_missing_makes_it_unfinished(cache, odoo):
    assert venv._is_whole(made(cache, "whole", odoo), odoo)
    for number, part in enumerate(("complete", "bin/python", "lib/python3.11/site-packages/odoo_home.pth")):
        target = made(cache, f"cut{number}", odoo)
        (target / part).unlink()
        assert not venv._is_whole(target, odoo)


def test_an_unfinished_one_is_deleted_unless_somebody_builds_it(cache, odoo):
    left, built = made(cache, "left", odoo, whole=False), made(cache, "built", odoo, whole=False)
    finished, mine = made(cache, "finished", odoo), made(cache, "mine", odoo, whole=False)
    with cache.lock("venv-built"):
        venv._tidy(cache, cache.folder("venv"), mine)
    assert not left.exists()
    assert built.exists() and finished.exists() and mine.exists()


def test_a_deletion_cut_short_leaves_no_whole_one(cache, odoo, monkeypatch):
    target = made(cache, "old", odoo)

    def killed(_path):
        raise KeyboardInterrupt

    monkeypatch.setattr(venv, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        venv._clear(target)
    assert target.exists() and not venv._is_whole(target, odoo)
