"""Every order that Amazon shows in its own model goes through our split and parser."""

from __future__ import annotations

import json

import pytest


def examples(amazon_models) -> list[dict]:
    document = json.loads((amazon_models.FOLDER / "orders_2026-01-01.json").read_text())
    orders: list[dict] = []
    for operations in document["paths"].values():
        answer = operations["get"]["responses"]["200"]
        bodies = list(answer.get("examples", {}).values())
        bodies += [case["response"] for case in answer["x-amzn-api-sandbox"]["static"]]
        for body in bodies:
            orders += body["orders"] if "orders" in body else [body["order"]]
    return orders


def test_examples_split_and_parse(amazon_models):
    from amazon_spapi_connector.spapi.orders import parse_order, split_order

    orders = examples(amazon_models)
    for raw in orders:
        split = split_order(raw)
        assert split.unknown == {} and split.issues == ()
        address = raw.get("recipient", {}).get("deliveryAddress", {})
        business = json.dumps(split.business, ensure_ascii=False)
        for key in ("name", "addressLine1", "postalCode", "phone"):
            if address.get(key):
                assert f'"{address[key]}"' not in business
        if raw.get("buyer", {}).get("buyerEmail"):
            assert "@" not in business
        order = parse_order(split.business)
        assert order.order_id == raw["orderId"]
        assert len(order.lines) == len(raw["orderItems"])
        grand_total = raw["proceeds"]["grandTotal"]["amount"]
        assert str(order.total.value) == grand_total
    print(f"\nFIGURE contract_model_examples_parsed {len(orders)} orders")
    assert len(orders) == 8


def test_the_schema_knows_every_field_of_the_model(amazon_models):
    """Walk the model and our allow-list together: same fields, same nesting."""
    from amazon_spapi_connector.spapi import schema

    model = amazon_models.Model("orders_2026-01-01")
    visited, problems = [0], []

    def walk(node, theirs, path):
        while "$ref" in theirs:
            theirs = model.definitions[theirs["$ref"].rsplit("/", 1)[1]]
        visited[0] += 1
        if isinstance(node, schema.Whole):
            assert theirs.get("type", "object") == {"dict": "object", "list": "array"}[node.shape.__name__], path
        elif isinstance(node, schema.Many):
            assert theirs.get("type") == "array", path
            walk(node.item, theirs["items"], f"{path}[]")
        elif isinstance(node, dict):
            fields = theirs.get("properties", {})
            problems.extend(f"{path}.{key} is not in our schema" for key in fields.keys() - node.keys())
            problems.extend(f"{path}.{key} is not in the model" for key in node.keys() - fields.keys())
            for key in node.keys() & fields.keys():
                walk(node[key], fields[key], f"{path}.{key}")
        else:
            assert theirs.get("type") in ("string", "integer", "number"), path
            if isinstance(node, schema.Business):
                kinds = {"integer": ("count",), "number": ("number",)}.get(theirs["type"])
                if kinds and node.kind not in kinds:
                    problems.append(f"{path} is {theirs['type']} in the model, {node.kind} in our schema")
                for value in theirs.get("enum", []):
                    assert node.accepts(value), f"{path} {value}"

    walk(schema.ORDER, {"$ref": "#/definitions/Order"}, "order")
    assert problems == []
    print(f"\nFIGURE contract_schema_fields {visited[0]} fields")
    assert visited[0] > 200


def test_operations_are_those_of_the_models(amazon_models):
    """Path, method, rate and burst of our table against the models' own text."""
    import re

    from amazon_spapi_connector.spapi.operations import OPERATIONS

    for operation in OPERATIONS.values():
        _model, template, theirs = amazon_models.find(operation.method, operation.path.replace("{orderId}", "1"))
        assert template == operation.path and theirs["operationId"] == operation.name
        numbers = re.search(r"\|\s*([\d.]+)\s*\|\s*([\d.]+)\s*\|", theirs["description"])
        assert numbers, operation.name
        assert (float(numbers[1]), float(numbers[2])) == (operation.rate, operation.burst), operation.name


@pytest.mark.parametrize("region", ["na", "eu", "fe"])
def test_regions_of_the_sdk(region):
    """Endpoints as Amazon's SDK has them."""
    spapi = pytest.importorskip("spapi", reason="Amazon's SDK (amzn-sp-api) is not installed")
    from amazon_spapi_connector.spapi.regions import REGIONS

    assert REGIONS[region].endpoint == spapi.SPAPIClient.region_to_endpoint[region.upper()]
    assert REGIONS[region].token_url == spapi.SPAPIClient.oauth_endpoint
