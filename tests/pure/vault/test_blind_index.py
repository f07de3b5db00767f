"""The blind index: what counts as the same value, how many bits are kept, what stays when the key dies."""

import hashlib
import hmac
import math
import secrets
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_retention import blind_index
from pii_retention.crypto import FileKeyStore, KeyDestroyed, Keyring
from pii_retention.purposes import CLASSES

from support.figures import figure

DAY, OTHER_DAY = "day/acme/2030-01-01", "day/acme/2030-01-02"


def plain_mac(field, data):
    return hmac.digest(field.encode(), data, hashlib.sha256)


@pytest.fixture
def keyring(tmp_path):
    keyring = Keyring(FileKeyStore.initialise(tmp_path / "keys"))
    for key_id in (DAY, OTHER_DAY, "day/other/2030-01-01"):
        keyring.create(key_id)
    return keyring


def mac_of(keyring, key_id):
    return lambda field, data: keyring.mac(key_id, data, label=f"blind/{field}")


# === NORMALISATION === #


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zyxwanna Quorvelli", "quorvelli, ZYXWANNA"),
        ("Jean-Pierre Müller", "muller  jean pierre"),
        ("Siân O’Kwyl", "sian o'kwyl"),
        ("Strauß", "STRAUSS"),
        ("İnci Kwast", "inci kwast"),
        ("ﬁlbert Qwaz", "Filbert Qwaz"),
        ("José Kwyl", "Jose\u0301 Kwyl"),  # composed and decomposed
        ("Qwaz & Söhne GmbH", "gmbh Sohne qwaz"),
    ],
)
def test_names_that_are_the_same(one, other):
    assert blind_index.matches("name", one, other)
    assert blind_index.normalise("name", one) == blind_index.normalise("name", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zyxwanna Quorvelli", "Zyxwanna Quorvell"),
        ("Zyxwanna Quorvelli", "Quorvelli"),
        ("が", "か"),  # another letter, not an accent
        ("कि", "क"),  # a vowel sign is a letter
        ("Anna Anna Kwyl", "Anna Kwyl"),
    ],
)
def test_names_that_are_not(one, other):
    assert not blind_index.matches("name", one, other)


def test_e_mail_addresses_ignore_case_and_space_alone():
    assert blind_index.matches("email", " QZX81HH2@Marketplace.Example.COM ", "qzx81hh2@marketplace.example.com")
    assert not blind_index.matches("email", "q.z@example.com", "qz@example.com")
    assert not blind_index.matches("email", "qz+1@example.com", "qz@example.com")


@pytest.mark.parametrize(
    ("typed", "held", "country", "same"),
    [
        ("+49 30 99887766", "030 / 998 877-66", "DE", True),
        ("0049 30 99887766", "+493099887766", "DE", True),
        ("030 99887766", "030 99887766", "IT", True),
        ("030 99887766", "+49 30 99887766", "IT", False),
        ("+1 480-618-2224", "+1 480-618-2224 ext. 92838", "US", True),
        ("+1 480-618-2224 ext. 92838", "+1 480-618-2224 ext. 92838", "US", True),
        ("+1 480-618-2224 ext. 11111", "+1 480-618-2224 ext. 92838", "US", False),
        ("12-34", "1234", None, True),  # no numbering plan: digits as written
        ("", "", "DE", False),
        ("none", "unknown", "DE", False),
    ],
)
def test_telephone_numbers(typed, held, country, same):
    assert blind_index.matches("phone", typed, held, country) is same


@given(st.text(max_size=400), st.sampled_from(sorted(blind_index.FIELDS)), st.sampled_from([None, "DE", "IT", "US"]))
def test_normalising_anything_is_stable(text, field, country):
    normal = blind_index.normalise(field, text, country)
    assert blind_index.normalise(field, text, country) == normal
    if field != "phone":
        assert blind_index.normalise(field, normal, country) == normal


@given(st.lists(st.text("abcdéß", min_size=1, max_size=6), min_size=1, max_size=5), st.randoms())
def test_the_order_of_words_does_not_matter(words, random):
    shuffled = random.sample(words, len(words))
    assert blind_index.normalise("name", " ".join(words)) == blind_index.normalise("name", " ".join(shuffled))


def test_the_fields_are_places_of_the_vault():
    for field, keys in blind_index.FIELDS.items():
        assert all(any(key in CLASSES[cls] for cls in blind_index.CLASSES) for key in keys), field


# === PLANNER === #


@given(st.integers(min_value=16, max_value=1 << 30))
def test_the_planner_keeps_both_bounds(rows):
    coincidences = rows / 2 ** blind_index.planned_bits(rows)
    assert 2 <= coincidences <= math.sqrt(rows)


def test_the_planner_wastes_no_opening_below_its_cap():
    assert all(rows / 2 ** blind_index.planned_bits(rows) < 4 for rows in range(16, 1 << 16))
    assert [blind_index.planned_bits(rows) for rows in (0, 1, 15, 16, 10_000, 1 << 16, 10**9)] == [
        *(blind_index.MIN_BITS,) * 4,
        12,
        blind_index.MAX_BITS,
        blind_index.MAX_BITS,
    ]


@pytest.mark.parametrize("rows", [50, 1000, 20_000])
def test_measured_coincidences_are_the_planned_ones(rows):
    bits = blind_index.planned_bits(rows)
    population = [blind_index.entry(plain_mac("name", b"%d" % number), bits) for number in range(rows)]
    found = [population.count(blind_index.entry(plain_mac("name", b"x%d" % number), bits)) for number in range(300)]
    average = sum(found) / len(found)
    figure(f"blind_index_coincidences_{rows}_rows", average, "rows", "2-4")
    assert 1.5 <= average <= math.sqrt(rows)


# === ENTRIES === #


def test_entries_keep_exactly_the_first_bits():
    digest = bytes.fromhex("abcdef0123")
    assert [blind_index.entry(digest, bits) for bits in (1, 3, 4, 12, 32)] == [
        "1:1",
        "3:5",
        "4:a",
        "12:abc",
        "32:abcdef01",
    ]
    for bits in (0, 33):
        with pytest.raises(ValueError):
            blind_index.entry(digest, bits)


def test_an_entry_is_known_for_ever(tmp_path):
    """Known answer: HMAC-SHA-256, first 12 bits, over "quorvelli zyxwanna"."""
    digest = hmac.digest(b"name", b"quorvelli zyxwanna", hashlib.sha256)
    assert blind_index.columns({"operational": {"name": "Zyxwanna QUORVELLI"}}, None, 12, plain_mac) == {
        "name_index": f"12:{digest.hex()[:3]}",
        "email_index": False,
        "phone_index": False,
    }


def test_each_value_of_a_field_has_its_entry_once():
    content = {
        "operational": {"name": "Zyxwanna Quorvelli", "company_name": "Vrontheim KG", "phone": "030 99887766"},
        "fiscal": {"name": "QUORVELLI Zyxwanna", "company_name": "Other Kwast"},
        "quarantine": {"payload": "Zyxwanna"},
    }
    columns = blind_index.columns(content, "DE", 15, plain_mac)
    assert len(columns["name_index"].split(" ")) == 3
    assert (
        columns["phone_index"]
        == blind_index.columns({"operational": {"phone": "+49 3099887766"}}, None, 15, plain_mac)["phone_index"]
    )
    assert columns["email_index"] is False


@given(st.integers(0, 10**6), st.sampled_from(["Zyxwanna Quorvelli", "Ó K", "日本 太郎"]))
def test_what_was_indexed_is_found_whatever_the_number_of_rows_was(rows, name):
    stored = blind_index.columns({"fiscal": {"name": name}}, "JP", blind_index.planned_bits(rows), plain_mac)[
        "name_index"
    ]
    assert stored in blind_index.wanted_entries("name", name, ["DE"], plain_mac)


def test_a_number_is_looked_for_in_each_country_of_the_bucket():
    stored = blind_index.columns({"operational": {"phone": "030 99887766"}}, "DE", 15, plain_mac)["phone_index"]
    assert stored in blind_index.wanted_entries("phone", "03099887766", ["IT", "DE"], plain_mac)
    assert stored not in blind_index.wanted_entries("phone", "03099887766", ["IT", "FR"], plain_mac)
    assert stored in blind_index.wanted_entries("phone", "+493099887766", ["IT"], plain_mac)


def test_nothing_is_looked_for_when_nothing_is_left_of_the_value():
    assert blind_index.wanted_entries("name", " ,;-' ", [None], plain_mac) == []
    assert blind_index.columns({"operational": {"name": "---", "email": "  "}}, None, 9, plain_mac) == dict.fromkeys(
        ("name_index", "email_index", "phone_index"), False
    )


def test_half_a_surrogate_pair_is_found_nowhere():
    assert blind_index.wanted_entries("email", "a\ud800@example.com", [None], plain_mac)
    assert not blind_index.matches("email", "a\ud800@example.com", "a@example.com")


def test_merging_keeps_each_entry_once():
    assert blind_index.merged("3:1 4:a", "4:a 5:b") == "3:1 4:a 5:b"
    assert blind_index.merged(False, None) is False
    assert blind_index.merged(None, "3:1") == "3:1"


# === KEYS === #


def test_entries_differ_by_bucket_company_and_field(keyring):
    name = {"operational": {"name": "Zyxwanna Quorvelli", "email": "quorvelli zyxwanna"}}
    found = set()
    for key_id in (DAY, OTHER_DAY, "day/other/2030-01-01"):
        columns = blind_index.columns(name, None, 32, mac_of(keyring, key_id))
        found |= {columns["name_index"], columns["email_index"]}
    assert len(found) == 6


def test_an_index_dies_with_its_key(keyring):
    stored = blind_index.columns({"fiscal": {"name": "Zyxwanna"}}, None, 15, mac_of(keyring, DAY))["name_index"]
    assert stored in blind_index.wanted_entries("name", "zyxwanna", [None], mac_of(keyring, DAY))
    keyring.destroy(DAY, "deadline")
    with pytest.raises(KeyDestroyed):
        blind_index.wanted_entries("name", "zyxwanna", [None], mac_of(keyring, DAY))
    assert stored not in blind_index.wanted_entries("name", "zyxwanna", [None], mac_of(keyring, OTHER_DAY))


def test_a_person_costs_little(keyring):
    import time

    content = {
        "operational": {"name": f"Zyxwanna {uuid4()}", "email": "a@example.com", "phone": "+49 30 99887766"},
        "fiscal": {"name": f"Quorvelli {uuid4()}", "company_name": secrets.token_hex(4)},
    }
    mac = mac_of(keyring, DAY)
    blind_index.columns(content, "DE", 12, mac)
    start = time.perf_counter()
    for _number in range(200):
        blind_index.columns(content, "DE", 12, mac)
    figure("blind_index_ms_per_subject", (time.perf_counter() - start) * 1000 / 200, "ms", "<=0.6")
