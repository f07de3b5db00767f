"""Proof of absence: each day it is looked for what must not be there, everywhere it could be, and counted.

``registry`` says what a check is; ``subjects``, ``keystore``, ``files``, ``contacts``, ``mails`` and ``structure`` hold
the checks; ``running`` makes a proof of them; ``sealing`` binds it to a key outside of the database; ``intake`` answers
whether the vault may take in new personal data.

The checks believe nothing that the purge says of itself: they look at rows, files and the key store. They count and
name ids of records; no value of a person is ever read into this process or written down.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
would otherwise write itself a clean proof.
"""

from . import contacts, files, keystore, mails, structure, subjects  # noqa: F401 they register their checks
from .intake import intake_refusal, standing
from .registry import COMPANY, DATABASE, Found, Look, check
from .running import run
from .sealing import is_genuine

__all__ = [
    "COMPANY",
    "DATABASE",
    "Found",
    "Look",
    "check",
    "intake_refusal",
    "is_genuine",
    "run",
    "standing",
]
