"""Buyers and recipients: made-up persons, the same for the same order id, whoever asks and in whatever order.

They are derived from the order id alone, so that a PENDING order, which shows nobody, finds its buyer again when
Amazon releases it.
"""

from __future__ import annotations

import threading
from random import Random

from faker import Faker

from .dice import dice
from .marketplaces import Marketplace
from .phrases import Phrases, phrases
from .places import COUNTRIES, TERRITORIES
from .vat_numbers import vat_number

__all__ = ["gift_message", "people"]

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_ALIAS = "abcdefghijklmnopqrstuvwxyz0123456789"
# Faker has no streets (or American ones) for these locales.
_STREETS = {
    "fr_BE": (
        "Rue de la Loi",
        "Avenue Louise",
        "Chaussée de Wavre",
        "Rue Haute",
        "Place du Marché",
        "Rue des Alliés",
        "Boulevard d'Avroy",
    ),
    "tr_TR": (
        "Atatürk Caddesi",
        "İstiklal Caddesi",
        "Çiçek Sokak",
        "Gül Sokağı",
        "Cumhuriyet Bulvarı",
        "Şehit Öğretmen Sokak",
        "Bağdat Caddesi",
    ),
    "pl_PL": (
        "Marszałkowska",
        "Piłsudskiego",
        "Słowackiego",
        "Źródlana",
        "Świętego Ducha",
        "Żeromskiego",
        "Lipowa",
        "Długa",
        "Kościuszki",
    ),
}
_COMPANY_FORMS = {
    "fr_FR": ("SARL", "SAS", "EURL"),
    "fr_BE": ("SRL", "SA"),
    "en_GB": ("Ltd", "LLP"),
    "en_IE": ("Ltd", "DAC"),
    "tr_TR": ("A.Ş.", "Ltd. Şti."),
    "pt_PT": ("Lda.", "S.A."),
}
_WORKDAYS = ("MON", "TUE", "WED", "THU", "FRI")
_local = threading.local()


def _faker(locale: str) -> Faker:
    """One Faker per locale and thread: building one costs 20 ms, re-seeding it a few microseconds; its random state
    is not shared.
    """
    fakers = _local.__dict__.setdefault("fakers", {})
    if locale not in fakers:
        fakers[locale] = Faker(locale, use_weighting=False)
    return fakers[locale]


def _fill(pattern: str, rng: Random) -> str:
    signs = {
        "#": lambda: str(rng.randrange(10)),
        "@": lambda: str(rng.randrange(1, 10)),
        "?": lambda: rng.choice(_LETTERS),
    }
    return "".join(signs[sign]() if sign in signs else sign for sign in pattern)


def _say(text: str, fake: Faker, rng: Random) -> str:
    return text.format(first=fake.first_name(), last=fake.last_name(), n=rng.randrange(1, 60), m=rng.randrange(1, 9))


def _company(locale: str, fake: Faker, rng: Random) -> str:
    forms = _COMPANY_FORMS.get(locale)
    return (
        f"{fake.last_name()} {rng.choice(('& ', ''))}{fake.last_name()} {rng.choice(forms)}"
        if forms
        else fake.company()
    )


def _delivery_preference(words: Phrases, fake: Faker, rng: Random, business: bool) -> dict:
    preference: dict = {}
    if rng.random() < 0.10:
        preference["dropOffLocation"] = _say(rng.choice(words.drop_off), fake, rng)
    if rng.random() < 0.18:
        preference["addressInstruction"] = _say(rng.choice(words.instructions), fake, rng)
    if business and rng.random() < 0.5:
        window = [{"startTime": {"hour": 9, "minute": 0}, "endTime": {"hour": rng.choice((12, 17, 18)), "minute": 30}}]
        preference["deliveryTime"] = {
            "businessHours": [{"dayOfWeek": day, "timeWindows": window} for day in _WORKDAYS],
            "exceptionDates": [],
        }
        preference["deliveryCapabilities"] = [rng.choice(("PALLET_ENABLED", "PALLET_DISABLED", "HAS_ACCESS_POINT"))]
    return preference


def _address(country_code: str, locale: str, words: Phrases, fake: Faker, rng: Random, territory: bool) -> dict:
    country = COUNTRIES[country_code]
    cities = TERRITORIES[country_code] if territory else country.cities
    city, postcode, region = rng.choice(cities)
    streets = _STREETS.get(locale)
    street = rng.choice(streets) if streets else fake.street_name()
    number = f"{rng.randrange(1, 220)}{rng.choice(('', '', '', '', '', 'A', '/B'))}"
    address = {
        "addressLine1": country.street.format(street=street, number=number),
        "city": city,
        "postalCode": _fill(postcode, rng),
        "countryCode": country_code,
        "phone": _fill(rng.choice(country.phones), rng),
    }
    if region:
        address["stateOrRegion"] = region
    if rng.random() < 0.32:
        address["addressLine2"] = _say(rng.choice(words.second_lines), fake, rng)
        if rng.random() < 0.08:
            address["addressLine3"] = _say(rng.choice(words.second_lines), fake, rng)
    return address


def people(
    order_id: str,
    marketplace: Marketplace,
    *,
    business: bool,
    merchant_fulfilled: bool,
    gift: bool,
    territory: bool = False,
) -> dict:
    """Everything personal about an order: ``{"buyer", "recipient"}`` and, for a business, ``"taxRegistrations"`` (a
    list).

    Fulfilled by Amazon: no e-mail and no phone, as Amazon suppresses them. ``territory`` sends it outside the EU's
    VAT area.
    """
    rng = dice("people", order_id)
    country_code = (
        rng.choice(marketplace.neighbours)
        if marketplace.neighbours and rng.random() < 0.06 and not territory
        else marketplace.country
    )
    country = COUNTRIES[country_code]
    locale = rng.choice(country.locales)
    language = country.language if locale != "fr_BE" else "fr"
    fake = _faker(locale)
    fake.seed_instance(rng.getrandbits(64))
    words = phrases(language)

    buyer_name = f"{fake.first_name()} {fake.last_name()}"
    same = rng.random() >= (0.6 if gift else 0.05)
    name = buyer_name if same else f"{fake.first_name()} {fake.last_name()}"
    address = {"name": name, **_address(country_code, locale, words, fake, rng, territory)}
    address["addressType"] = "COMMERCIAL" if business else "RESIDENTIAL"
    buyer = {"buyerName": buyer_name}
    result: dict = {"buyer": buyer, "recipient": {"deliveryAddress": address}}

    if business:
        company = _company(locale, fake, rng)
        buyer["buyerCompanyName"] = address["companyName"] = company
        buyer["buyerPurchaseOrderNumber"] = f"PO-{rng.randrange(10**4, 10**6)}"
        invoice = {
            key: address[key]
            for key in ("addressLine1", "city", "stateOrRegion", "postalCode", "countryCode")
            if key in address
        }
        registration = {
            "entityType": "BUYER",
            "legalName": company,
            "taxRegistrationType": "VAT",
            "taxRegistrationNumber": vat_number(country_code, rng),
            "taxRegistrationAddress": {"name": buyer_name, "companyName": company, **invoice},
        }
        if country_code == "TR":
            registration |= {
                "taxRegistrationType": "BUSINESS",
                "taxRegistrationAttributes": [{"key": "TAX_OFFICE", "value": address["city"]}],
            }
        result["taxRegistrations"] = [registration]
    elif rng.random() < 0.05:
        address |= {"companyName": _company(locale, fake, rng), "addressType": "COMMERCIAL"}
    elif rng.random() < 0.05:
        first, second = rng.choice(words.pickup)
        address |= {
            "addressLine1": _say(first, fake, rng),
            "addressLine2": _say(second, fake, rng),
            "addressType": "PICKUP_POINT",
        }

    preference = _delivery_preference(words, fake, rng, business)
    if preference and address["addressType"] != "PICKUP_POINT":
        result["recipient"]["deliveryPreference"] = preference
    if merchant_fulfilled:
        buyer["buyerEmail"] = f"{''.join(rng.choices(_ALIAS, k=15))}@{marketplace.mail_domain}"
    else:
        del address["phone"]
    return result


def gift_message(order_item_id: str, marketplace: Marketplace) -> str:
    """The note on a gift in the marketplace's language, always the same for the same order item."""
    rng = dice("gift", order_item_id)
    language = rng.choice(marketplace.languages)
    country = COUNTRIES[marketplace.country]
    fake = _faker("fr_BE" if marketplace.country == "BE" and language == "fr" else country.locales[0])
    fake.seed_instance(rng.getrandbits(64))
    return _say(rng.choice(phrases(language).gifts), fake, rng)
