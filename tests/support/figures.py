"""Numbers that a run proves: ``bin/test`` collects them from what the tests print."""

from __future__ import annotations


def figure(name: str, value: float | int | str, unit: str, target: str | float | None = None) -> None:
    """Print ``FIGURE name value unit [target]``; floats with three significant decimals.

    ``name`` and ``unit`` are single words, e.g. ``figure("import_ratio", 1.04, "x", "<=1.25")``.
    """
    shown = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    for word in (name, shown, unit):
        if not word or " " in word:
            raise ValueError(f"a figure's name, value and unit are single words, not {word!r}")
    line = f"FIGURE {name} {shown} {unit}" + ("" if target is None else f" {target}")
    print(f"\n{line}", flush=True)
