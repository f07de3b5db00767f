"""Key databases of their own: what the tests of them share."""

import sys
from pathlib import Path
from types import ModuleType

if "pii_retention" not in sys.modules:
    # the addon's folder as a namespace: its pure part is imported without Odoo
    _module = ModuleType("pii_retention")
    _module.__path__ = [str(Path(__file__).resolve().parents[3] / "addons" / "pii_retention")]
    sys.modules["pii_retention"] = _module
