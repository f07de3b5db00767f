"""Make the pure packages importable without Odoo.

``pii_retention`` and ``amazon_spapi_connector`` become namespace packages whose path is the addon's folder: their Odoo
``__init__`` never runs, and an import of Odoo inside a pure package fails here as it should.
"""

import sys
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, settings

_REPO = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(_REPO))
for _name in ("pii_retention", "amazon_spapi_connector"):
    if _name not in sys.modules:
        _module = ModuleType(_name)
        _module.__path__ = [str(_REPO / "addons" / _name)]
        sys.modules[_name] = _module

# An example that takes 200 ms, or a second in which few are made, say that the machine is busy and nothing else.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
