"""Persons who do not exist, with values that cannot occur by accident.

Every value carries at least one run of ten or more ASCII letters or digits (a *core*) that no language, hash or
base64 text produces by chance, and, where a person's data would have them, accents, quotes and ampersands outside
the core. The core makes a hit certain; the rest makes the value behave like real data on its way through the product.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

MIN_LENGTH = 8
"""Fewest letters and digits in a value: a shorter string is found in random data sooner or later."""

PLANT_KEYS: Mapping[str, str] = {
    "name": "name",
    "company_name": "companyName",
    "street": "addressLine1",
    "street2": "addressLine2",
    "zip": "postalCode",
    "city": "city",
    "phone": "phone",
    "email": "buyerEmail",
    "vat": "taxRegistrationNumber",
    "gift_text": "giftMessage",
    "delivery_note": "addressInstruction",
}
"""Field of a canary (the vault's vocabulary) -> key of the sandbox's ``/control/plant`` values."""

_ONSETS = ("q", "x", "zv", "kw", "j", "wr", "vr", "zk", "xk", "y", "qu", "kh", "w", "z", "tv", "xr")
_VOWELS = "aeou"
_ACCENTS = "éèàòùçñöäüôêõ"
# Neither 0/O, 1/I/L, 2/Z, 5/S, 6/G nor 8/B: what an OCR engine confuses cannot weaken the code.
_CODE = "ACDEFHJKMNPRTUVWXY3479"


@dataclass(frozen=True, slots=True)
class Canary:
    """One planted value.

    :param field: what it is, in the vault's vocabulary (``name``, ``street`` …); free text, shown in reports
    :param value: the value as planted; at least eight letters or digits
    :raises ValueError: the value is too short to be searched for without false alarms
    """

    field: str
    value: str

    def __post_init__(self) -> None:
        if sum(char.isalnum() for char in self.value) < MIN_LENGTH:
            raise ValueError(f"canary {self.field!r} has fewer than {MIN_LENGTH} letters and digits")
        # Also the sandbox's running-number mark: a brace would be replaced and the value never found.
        if "{" in self.value or "\0" in self.value:
            raise ValueError(f"canary {self.field!r} holds a brace or a NUL")
        object.__setattr__(self, "value", unicodedata.normalize("NFC", self.value))


def _word(rng: random.Random, length: int) -> str:
    """A pronounceable, impossible word of ``length`` ASCII letters."""
    text = ""
    while len(text) < length or sum(text[:length].count(char) for char in "qxwkzjy") < 4:
        if len(text) >= length:
            text = ""
        text += rng.choice(_ONSETS) + rng.choice(_VOWELS)
    return text[:length]


def _italian_vat(rng: random.Random) -> str:
    """An Italian VAT id with a right check digit (Luhn) and office code 888, which numbers no ordinary company."""
    body = f"9{rng.randrange(10**6):06d}888"
    total = 0
    for position, char in enumerate(body):
        digit = int(char) * (1 + position % 2)
        total += digit - 9 if digit > 9 else digit
    return f"IT{body}{-total % 10}"


def make_canaries(seed: int, n: int = 1) -> list[dict[str, Canary]]:
    """``n`` persons, the same for the same seed; each a dict field -> :class:`Canary` with the keys of `PLANT_KEYS`.

    Telephone numbers come from the range that Arcep keeps for films (06 39 98 xx xx), mail goes to ``example.com``.
    """
    rng = random.Random(f"canary-{seed}")
    numbers = rng.sample(range(10_000), n)
    return [_person(rng, number) for number in numbers]


def _person(rng: random.Random, number: int) -> dict[str, Canary]:
    def word(length: int = 15) -> str:
        return _word(rng, length)

    def accent() -> str:
        return rng.choice(_ACCENTS)

    values = {
        "name": f"{word(12).title()}{accent()} {word().title()}{accent()}",
        "company_name": f"{word().title()} & Figli {accent()}t Çie S.r.l.",
        "street": f"Via {word().title()}{accent()} {rng.randrange(1, 200)}/B",
        "street2": f"Scala «{word().title()}», int. {rng.randrange(1, 30)} – città",
        "zip": "".join(rng.choice(_CODE) for _ in range(10)),
        "city": f"{accent().upper()}n {word().title()} d'Àdige",
        "phone": f"+33 6 39 98 {number // 100:02d} {number % 100:02d}",
        "email": f"{word()}.{word(11)}@example.com",
        "vat": _italian_vat(rng),
        "gift_text": f'Tanti auguri, {word().title()}! È per te <3 "{word(12)}" & un bacio – {word(13)}',
        "delivery_note": f"Citofono '{word().upper()}', lasciare dal custode {word().title()} (più tardi delle 18)",
    }
    return {field: Canary(field, value) for field, value in values.items()}


def as_plant(person: Mapping[str, Canary]) -> dict[str, str]:
    """The ``values`` of the sandbox's ``POST /control/plant`` for one person of :func:`make_canaries`."""
    return {PLANT_KEYS[field]: canary.value for field, canary in person.items()}
