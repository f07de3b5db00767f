"""What the two commands of this repository stand on: everything they need, fetched, built, started and stopped.

Only the standard library, so that it runs with any Python 3.11 or newer before anything is installed.
"""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
"""The checkout: the folder that holds ``addons``, ``sandbox`` and ``bin``."""
