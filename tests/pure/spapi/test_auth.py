"""Tokens: one call for eight threads, never shared, renewed in time, forgotten on demand."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from amazon_spapi_connector.spapi import errors
from amazon_spapi_connector.spapi.auth import Credentials, TokenStore, client_credentials, exchange_code
from amazon_spapi_connector.spapi.regions import LWA_TOKEN_URL
from raw_server import http, serving


def grant(token: str = "Atza|1", more: str = "") -> list[bytes]:
    return [http(200, f'{{"access_token": "{token}", "token_type": "bearer", "expires_in": 3600{more}}}'.encode())]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def at(server, **changes) -> Credentials:
    values = {"client_id": "id", "client_secret": "secret", "refresh_token": "Atzr|r", "token_url": server.url + "/t"}
    return Credentials(**{**values, **changes})


def test_eight_threads_with_a_cold_store_make_one_call(sandbox, talk):
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        return talk.tokens.get(talk.credentials)

    with ThreadPoolExecutor(8) as threads:
        tokens = {future.result() for future in [threads.submit(ask) for _ in range(8)]}
    assert len(tokens) == 1
    assert sandbox.counts() == {"token": 1}
    print("FIGURE spapi_token_calls_of_8_cold_threads 1 calls")


def test_tokens_are_kept_apart(talk):
    with serving(grant("Atza|1"), grant("Atza|2"), grant("Atza|3"), grant("Atza|4"), grant("Atza|5")) as server:
        store = TokenStore(talk.pool)
        base = at(server)
        others = [
            at(server, client_id="other"),
            at(server, client_secret="rotated"),
            at(server, refresh_token="Atzr|other"),
            at(server, token_url=server.url + "/u"),
        ]
        assert [store.get(c) for c in (base, *others)] == [f"Atza|{n}" for n in range(1, 6)]
        assert store.get(base) == "Atza|1"
        assert len(server.requests) == 5


def test_a_token_is_renewed_before_its_end(talk):
    clock = Clock()
    with serving(grant("Atza|1"), grant("Atza|2")) as server:
        store = TokenStore(talk.pool, clock=clock)
        assert store.get(at(server)) == "Atza|1"
        clock.now += 3600 - 121
        assert store.get(at(server)) == "Atza|1"
        clock.now += 2
        assert store.get(at(server)) == "Atza|2"


@pytest.mark.parametrize("expires", ['"soon"', "-5", "0", "null", "true", "1e12"])
def test_odd_lifetimes(talk, expires):
    answer = [http(200, f'{{"access_token": "Atza|1", "expires_in": {expires}}}'.encode())]
    clock = Clock()
    with serving(answer) as server:
        store = TokenStore(talk.pool, clock=clock)
        store.get(at(server))
        clock.now += 3000
        store.get(at(server))
        assert len(server.requests) == 1
        clock.now += 700
        store.get(at(server))
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"[]", b'{"access_token": 5}', b'{"access_token": "a\\nb"}', '{"access_token": "ä"}'.encode()],
)
def test_answers_without_a_token(talk, body):
    with serving([http(200, body)]) as server, pytest.raises(errors.MalformedResponse) as caught:
        TokenStore(talk.pool).get(at(server))
    assert caught.value.operation == "token"


def test_invalidate_only_what_is_still_there(talk):
    with serving(grant("Atza|1"), grant("Atza|2")) as server:
        store, mine = TokenStore(talk.pool), at(server)
        old = store.get(mine)
        store.invalidate(mine, old)
        new = store.get(mine)
        store.invalidate(mine, old)
        assert (store.get(mine), new) == (new, "Atza|2")
        assert len(server.requests) == 2


def test_forget_and_clear(talk):
    with serving(grant()) as server:
        store, mine = TokenStore(talk.pool), at(server)
        store.get(mine)
        store.forget(mine)
        store.get(mine)
        store.clear()
        store.get(mine)
        assert len(server.requests) == 3


def test_the_store_does_not_grow_for_ever(talk):
    clock = Clock()
    store = TokenStore(talk.pool, clock=clock)
    for number in range(600):
        store._entry(str(number)).good_until = clock.now + 10
        clock.now += 1
    assert len(store._entries) < 530


def test_grantless_is_apart_from_the_seller(talk):
    with serving(grant("Atza|seller"), grant("Atza|app")) as server:
        store, mine = TokenStore(talk.pool), at(server)
        assert store.get(mine) == "Atza|seller"
        assert store.get(mine, scope="sellingpartnerapi::notifications") == "Atza|app"
        assert b"grant_type=refresh_token" in server.requests[0]
        assert b"grant_type=client_credentials" in server.requests[1] and b"refresh_token" not in server.requests[1]


def test_client_credentials_at_the_sandbox(sandbox, talk):
    assert client_credentials(talk.credentials, "sellingpartnerapi::notifications", pool=talk.pool).access_token


def test_exchange_code(talk):
    with serving(grant(more=', "refresh_token": "Atzr|new"')) as server:
        result = exchange_code(at(server, refresh_token=""), "code-1", redirect_uri="https://erp/x", pool=talk.pool)
        assert (result.refresh_token, result.access_token) == ("Atzr|new", "Atza|1")
        assert b"code=code-1&redirect_uri=https%3A%2F%2Ferp%2Fx" in server.requests[0]
    assert "Atz" not in repr(result)
    with serving(grant()) as server, pytest.raises(errors.MalformedResponse):
        exchange_code(at(server), "code-1", pool=talk.pool)
    with serving([http(400, b'{"error": "invalid_grant"}')]) as server, pytest.raises(errors.AuthorizationRevoked):
        exchange_code(at(server), "code-1", pool=talk.pool)


@pytest.mark.parametrize("change", [{"client_id": ""}, {"client_secret": ""}, {"refresh_token": ""}])
def test_incomplete_credentials_are_not_sent(talk, change):
    with serving(grant()) as server:
        with pytest.raises(errors.ConfigurationError):
            TokenStore(talk.pool).get(at(server, **change))
        assert server.requests == []


def test_tokens_do_not_travel_in_clear(talk):
    with pytest.raises(errors.ConfigurationError):
        TokenStore(talk.pool).get(Credentials("id", "secret", "r", "http://example.org/auth/o2/token"))
    assert Credentials("id", "secret").token_url == LWA_TOKEN_URL


def test_credentials_do_not_show_themselves():
    shown = repr(Credentials("the-id", "the-secret", "the-refresh"))
    assert "the-id" in shown and "the-secret" not in shown and "the-refresh" not in shown
