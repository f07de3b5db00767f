"""Nothing of a buyer in the business part, nothing lost on the way."""

from __future__ import annotations

import json

import orders_by_schema as samples
import pytest
from amazon_spapi_connector.spapi import schema
from amazon_spapi_connector.spapi.orders import PERSONAL_KEYS, merge, quarantine_payload, split_order
from hypothesis import given, settings
from hypothesis import strategies as st

ORDER = samples.order()
PLACES = samples.paths(ORDER)
CANARY = "Zyx Canary Wvu 4711"
quick = settings(max_examples=150, deadline=None)


def texts_of(split):
    return samples.strings(split.personal), samples.strings(split.unknown)


def holds(texts, canary):
    return any(canary in text for text in texts)


def test_a_valid_order_is_taken_apart_without_rest():
    split = split_order(ORDER)
    assert split.unknown == {}
    assert split.issues == ()
    assert split.order_id == "402-1234567-1234567"
    assert "some value" not in json.dumps(split.business)
    assert split.business["recipient"]["deliveryAddress"] == {
        "countryCode": "IT",
        "extendedFields": {},
        "addressType": "UNSHIPPED",
    }
    for name, texts in split.personal.items():
        assert set(texts) <= set(PERSONAL_KEYS[name])


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_canary_in_every_place(place):
    """Instead of a value or of a whole structure: in clear only where free text of the seller is expected."""
    split = split_order(samples.replaced(ORDER, place, CANARY))
    personal, unknown = texts_of(split)
    node = samples.node_at(place)
    in_clear = CANARY in json.dumps(split.business)
    assert in_clear or holds(personal, CANARY) or holds(unknown, CANARY), "lost"
    if in_clear:
        assert isinstance(node, schema.Business) and node.kind in ("line", "text", "word")
        assert not holds(unknown, CANARY)
    if isinstance(node, schema.Personal):
        assert holds(personal, CANARY) and not in_clear
    assert CANARY not in repr(split) and not holds([str(issue) for issue in split.issues], CANARY)


@quick
@given(data=st.data(), text=st.text(st.characters(codec="utf-8"), max_size=12), as_key=st.booleans())
def test_unknown_fields_are_sealed_whole(data, text, as_key):
    containers = [p for p in PLACES if isinstance(samples.get(ORDER, p), dict) and isinstance(samples.node_at(p), dict)]
    place = data.draw(st.sampled_from([(), *containers]))
    canary = f"Qq{text}Canary"
    key, value = (canary, 1) if as_key else ("new" + text[:3], [{"deep": canary}])
    broken = samples.replaced(ORDER, (*place, key), value)
    split = split_order(broken)
    expected = (
        canary.replace("\x00", "").replace("~", "~0").replace("/", "~1") if as_key else canary.replace("\x00", "")
    )
    assert holds(samples.strings(split.unknown), expected)
    assert len(split.unknown) == 1
    assert canary not in json.dumps(split.business, ensure_ascii=False)
    assert not holds([str(issue) for issue in split.issues], canary)
    assert any(issue.code == "unknown_field" for issue in split.issues)


def said(value):
    """Texts of a value; a key without a value says nothing."""
    if isinstance(value, dict):
        return [text for key, item in value.items() if item not in (None, "", [], {}) for text in (key, *said(item))]
    return [text for item in value for text in said(item)] if isinstance(value, list) else samples.strings(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(data=st.data(), value=JSON)
def test_no_value_breaks_the_split_and_none_is_lost(data, value):
    place = data.draw(st.sampled_from(PLACES))
    split = split_order(samples.replaced(ORDER, place, value))
    json.dumps(split.business, allow_nan=False).encode()
    sealed = samples.strings(merge(split.personal, split.unknown))
    everything = samples.strings(split.business) + sealed
    for text in said(value):
        if text.isalnum() and text.isascii():
            assert holds(everything, text)


@quick
@given(value=JSON)
def test_anything_instead_of_an_order(value):
    split = split_order(value)
    assert split.order_id == "" or isinstance(value, dict)
    assert split.personal == {} or isinstance(value, dict)
    if value is not None and not isinstance(value, dict):
        assert split.unknown and split.business == {}


def test_nul_and_surrogates_are_removed_everywhere():
    order = samples.replaced(ORDER, ("buyer", "buyerName"), "Ma\x00rio \ud800")
    order["orderItems"][0]["product"]["title"] = "Ti\x00tle"
    order["orderItems"][0]["product"]["sellerSku"] = "SKU\x00-1"
    order["x\x00y"] = {"in\x00ner": "a\x00b"}
    order["orderId"] = "402-1234567-\x001234567"
    split = split_order(order)
    assert split.personal["fiscal"]["name"] == "Mario \ufffd"
    assert split.business["orderItems"][0]["product"]["title"] == "Title"
    assert split.order_id == "402-1234567-1234567"
    assert split.unknown == {"/xy": {"inner": "ab"}}
    assert "\x00" not in json.dumps([split.business, split.personal, split.unknown], ensure_ascii=False)
    assert {issue.path for issue in split.issues if issue.code == "unstorable_characters"} == {
        "orderId",
        "buyer.buyerName",
        "orderItems[0].product.title",
        "orderItems[0].product.sellerSku",
        "order",
    }


def test_pointers_tell_alike_keys_apart():
    split = split_order({**ORDER, "a/b": 1, "a": {"b": 2}, "a~1b": 3, "c\x00": 4, "c": 5})
    assert sorted(split.unknown.values(), key=str) == [1, 3, 4, 5, {"b": 2}]
    assert {"/a~1b": 1, "/a~01b": 3, "/a": {"b": 2}}.items() <= split.unknown.items()


def test_deep_nesting_is_kept_as_text():
    deep = "bottom"
    for _ in range(300):
        deep = {"d": deep}
    split = split_order({**ORDER, "new": deep})
    assert "bottom" in json.dumps(split.unknown)


def test_a_business_value_of_the_wrong_kind_leaves_a_mark():
    split = split_order(samples.replaced(ORDER, ("fulfillment", "fulfillmentStatus"), "Via Roma 1"))
    assert split.business["fulfillment"]["fulfillmentStatus"] is None
    assert split.unknown == {"/fulfillment/fulfillmentStatus": "Via Roma 1"}
    assert [issue.code for issue in split.issues] == ["wrong_value"]


def test_null_is_absent():
    split = split_order({**ORDER, "buyer": None, "recipient": None, "programs": None, "newThing": None})
    assert not {"buyer", "recipient", "programs"} & set(split.business)
    assert split.unknown == {}


ADDRESS = {
    "name": "Rosa Bianchi",
    "companyName": "Bianchi Srl",
    "addressLine1": "Via Garibaldi 12",
    "addressLine2": "Scala B",
    "addressLine3": "Interno 4",
    "city": "Torino",
    "districtOrCounty": "Centro",
    "stateOrRegion": " TO ",
    "municipality": "Torino",
    "postalCode": "10122",
    "countryCode": "IT",
    "phone": "+39 011 000000",
}


def small(**more):
    return {"orderId": "402-0000000-0000001", "recipient": {"deliveryAddress": ADDRESS}, **more}


def test_address_in_the_vaults_words():
    personal = split_order(small()).personal
    assert personal["operational"] == {
        "name": "Rosa Bianchi",
        "company_name": "Bianchi Srl",
        "street": "Via Garibaldi 12",
        "street2": "Scala B",
        "street3": "Interno 4, Centro",
        "zip": "10122",
        "city": "Torino",
        "state": "TO",
        "phone": "+39 011 000000",
    }
    assert personal["fiscal"]["name"] == "Rosa Bianchi"
    assert "phone" not in personal["fiscal"]


def test_buyer_and_recipient_differ():
    personal = split_order(
        small(
            buyer={"buyerName": "Anna Verdi", "buyerEmail": "a1@marketplace.amazon.it", "buyerCompanyName": "Verdi SpA"}
        )
    ).personal
    assert personal["operational"]["name"] == "Rosa Bianchi"
    assert personal["fiscal"]["name"] == "Anna Verdi"
    assert personal["fiscal"]["company_name"] == "Verdi SpA"
    assert personal["operational"]["company_name"] == "Bianchi Srl"
    assert personal["operational"]["email"] == "a1@marketplace.amazon.it"


def test_house_number_is_not_taken_for_a_repetition():
    address = {"addressLine1": "Rua Nova, 12", "extendedFields": {"streetName": "Rua Nova", "complement": "2"}}
    personal = split_order(small(recipient={"deliveryAddress": address})).personal
    assert personal["operational"]["street3"] == "2"


def test_gift_messages_by_sku():
    items = [
        {
            "orderItemId": str(number),
            "product": {"sellerSku": sku} if sku else {},
            "fulfillment": {"packing": {"giftOption": {"giftMessage": text, "giftWrapLevel": "Classic"}}},
        }
        for number, (sku, text) in enumerate([("A-1", "Auguri!"), ("", "Buon Natale"), ("B-2", "  ")])
    ]
    split = split_order(small(orderItems=items))
    assert split.personal["operational"]["gift_text"] == "A-1: Auguri!\n1: Buon Natale"
    assert split.business["orderItems"][0]["fulfillment"]["packing"]["giftOption"] == {"giftWrapLevel": "Classic"}


def test_cancel_reason_is_clear_only_as_a_code():
    def item(reason):
        return {"cancellation": {"cancellationRequest": {"requester": "BUYER", "cancelReason": reason}}}

    split = split_order(small(orderItems=[item("ORDERED_BY_MISTAKE"), item("I moved to Via Po 3")]))
    requests = [row["cancellation"]["cancellationRequest"] for row in split.business["orderItems"]]
    assert requests == [{"requester": "BUYER", "cancelReason": "ORDERED_BY_MISTAKE"}, {"requester": "BUYER"}]
    assert "Via Po 3" in split.personal["operational"]["cancel_reason"]


def test_tax_registrations():
    registrations = [
        {"entityType": "MARKETPLACE", "taxRegistrationType": "VAT", "taxRegistrationNumber": "LU99"},
        {"entityType": "BUYER", "taxRegistrationType": "CPF", "taxRegistrationNumber": "CPF1"},
        {
            "entityType": "BUYER",
            "taxRegistrationType": "VAT",
            "taxRegistrationNumber": "IT01",
            "legalName": "Bianchi Legal",
            "taxRegistrationAddress": {"addressLine1": "Corso Re 1", "countryCode": "IT"},
            "taxRegistrationAttributes": [{"key": "TAX_OFFICE", "value": "Ufficio 7"}],
        },
    ]
    split = split_order(small(tax={"taxRegistrations": registrations}))
    fiscal = split.personal["fiscal"]
    assert fiscal["vat"] == "IT01"
    assert fiscal["tax_address"] == ("MARKETPLACE VAT LU99\nBUYER CPF CPF1\nBianchi Legal\nCorso Re 1\nUfficio 7\nIT")
    assert [row["entityType"] for row in split.business["tax"]["taxRegistrations"]] == ["MARKETPLACE", "BUYER", "BUYER"]


def test_delivery_preference_becomes_a_note():
    preference = {
        "dropOffLocation": "Porter",
        "addressInstruction": "Ring twice",
        "deliveryTime": {
            "businessHours": [
                {
                    "dayOfWeek": "MON",
                    "timeWindows": [{"startTime": {"hour": 9, "minute": 5}, "endTime": {"hour": 17}}],
                }
            ],
            "exceptionDates": [{"exceptionDate": "2026-12-24", "exceptionDateType": "CLOSED", "timeWindows": []}],
        },
        "deliveryCapabilities": ["HAS_ACCESS_POINT"],
    }
    note = split_order(small(recipient={"deliveryPreference": preference})).personal["operational"]["delivery_note"]
    assert note == (
        "Porter\nRing twice\nbusinessHours: MON 09:05-17:00\n"
        "exceptionDates: 2026-12-24 exceptionDateType CLOSED\nHAS_ACCESS_POINT"
    )


def test_merge_gives_the_classes_to_seal():
    split = split_order(small(brandNew={"who": "Rosa"}))
    classes = merge(split.personal, split.unknown)
    assert set(classes) == {"operational", "fiscal", "quarantine"}
    assert json.loads(classes["quarantine"]["payload"]) == {"/brandNew": {"who": "Rosa"}}
    assert quarantine_payload({}) == {} and "quarantine" not in merge(split.personal, {})
    assert all(isinstance(text, str) for texts in classes.values() for text in texts.values())


def test_figure_places():
    """Counts what the parametrised canary test above went through."""
    print(f"FIGURE spapi_split_places_planted {len(PLACES)} places")
    assert len(PLACES) > 250
