"""Marketplaces as data, against the library's list."""

from __future__ import annotations

import zoneinfo

import pytest
from amazon_spapi_connector.spapi.regions import MARKETPLACES, REGIONS, by_country, in_region
from sp_api.base import Marketplaces


def test_same_ids_countries_and_endpoints_as_the_library():
    theirs = {m.marketplace_id: (name, m.endpoint) for name, m in Marketplaces.__members__.items() if name != "UK"}
    ours = {m.id: (m.country_code, m.endpoint) for m in MARKETPLACES.values()}
    assert ours == theirs
    print(f"FIGURE spapi_marketplaces {len(ours)} marketplaces")
    assert len(ours) == 23


def test_every_row_is_complete():
    zones = zoneinfo.available_timezones()
    for marketplace in MARKETPLACES.values():
        assert marketplace.region in REGIONS
        assert len(marketplace.currency) == 3 and marketplace.currency.isupper()
        assert marketplace.timezone in zones
        assert marketplace.seller_central_host.startswith("sellercentral")
        assert marketplace.domain.startswith("amazon.")
    assert sum(len(in_region(region)) for region in REGIONS) == len(MARKETPLACES)


def test_by_country():
    assert by_country("uk") is by_country("GB") is MARKETPLACES["A1F83G8C2ARO7P"]
    assert by_country("it").name == "Italy"
    with pytest.raises(KeyError):
        by_country("CH")


def test_one_token_host_and_https_everywhere():
    assert {region.token_url for region in REGIONS.values()} == {"https://api.amazon.com/auth/o2/token"}
    assert all(region.endpoint.startswith("https://sellingpartnerapi-") for region in REGIONS.values())
