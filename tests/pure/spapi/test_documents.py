"""Documents: an error page is not a report, UTF-8 is not ISO-8859-1, and a bomb is not read."""

from __future__ import annotations

import gzip
import logging

import pytest
from amazon_spapi_connector.spapi import documents, errors
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_server import http, serving

SIGNED = "/report?X-Amz-Signature=SECRETSIGNATURE"
TEXT = "order-id\tname\n402-1\tÉlodie Ångström\n"


def get(talk, answer, **options):
    with serving([answer]) as server:
        return documents.download(server.url + SIGNED, pool=talk.pool, **options)


def test_plain_and_gzipped(talk):
    packed = gzip.compress(TEXT.encode())
    assert get(talk, http(200, TEXT.encode())).text() == TEXT
    assert get(talk, http(200, packed), compression="GZIP").text() == TEXT
    assert get(talk, http(200, packed)).text() == TEXT, "gzip is recognised without being announced"
    assert get(talk, http(200, packed, "content-encoding: gzip")).text() == TEXT
    assert get(talk, http(200, gzip.compress(packed), "content-encoding: gzip"), compression="GZIP").text() == TEXT
    assert get(talk, http(200, packed[:] + gzip.compress(b"more"))).text() == TEXT + "more", "several members"
    assert get(talk, http(200, TEXT.encode()), compression="GZIP").text() == TEXT, "announced but not done"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            http(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
            errors.AccessDenied,
        ),
        (http(404, b"<Error><Code>NoSuchKey</Code></Error>"), errors.NotFound),
        (http(503, b"<html>"), errors.ServerError),
        (http(302, b"", "location: https://example.org"), errors.MalformedResponse),
        (http(200, gzip.compress(TEXT.encode())[:-9]), errors.MalformedResponse),
        (http(200, b"\x1f\x8b broken"), errors.MalformedResponse),
        (http(200, b"abc", length=10), errors.MalformedResponse),
    ],
)
def test_what_is_no_document(talk, answer, expected, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(errors.SpapiError) as caught:
        get(talk, answer)
    assert type(caught.value) is expected and caught.value.operation == "downloadDocument"
    assert caught.value.__context__ is None
    assert "SECRETSIGNATURE" not in f"{caught.value!r} {caught.value.format_message()} {caplog.text}"


def test_unknown_compression(talk):
    with pytest.raises(errors.MalformedResponse):
        get(talk, http(200, b"BZh9"), compression="BZIP2")


def test_limits(talk):
    bomb = gzip.compress(b"\0" * 5_000_000)
    with pytest.raises(errors.MalformedResponse) as caught:
        get(talk, http(200, bomb), max_bytes=1_000_000)
    assert caught.value.code == "TooLarge"
    assert len(get(talk, http(200, bomb), max_bytes=5_000_000).content) == 5_000_000
    with pytest.raises(errors.MalformedResponse):
        get(talk, http(200, b"x" * 2000), max_transfer=1000)
    with pytest.raises(errors.MalformedResponse):
        get(talk, http(200, b"x" * 2000), max_bytes=1000)


def test_a_document_does_not_show_itself():
    assert "Rosa" not in repr(documents.Document(b"Rosa", "text/plain"))


def test_upload(talk):
    with serving([http(200)]) as server:
        content_type = "text/xml; charset=UTF-8"
        documents.upload(server.url + SIGNED, "<é/>".encode(), content_type, pool=talk.pool)
        documents.upload(server.url + SIGNED, b"abc", content_type, pool=talk.pool, md5=True)
        first, second = server.requests
    assert first.startswith(b"PUT /report?X-Amz-Signature=SECRETSIGNATURE ") and first.endswith("<é/>".encode())
    assert b"content-type: text/xml; charset=UTF-8\r\n" in first and b"content-md5" not in first
    assert b"content-md5: kAFQmDzST7DWlj99KOF/cg==\r\n" in second
    assert b"x-amz-access-token" not in first, "a presigned URL needs no token, and must not get one"
    with pytest.raises(TypeError):
        documents.upload(server.url, "text", "text/plain", pool=talk.pool)


def test_failed_upload(talk):
    with serving([http(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")]) as server:
        with pytest.raises(errors.AccessDenied) as caught:
            documents.upload(server.url + SIGNED, b"abc", "text/plain", pool=talk.pool)
    assert caught.value.code == "SignatureDoesNotMatch"
    with serving([http(500)]) as server, pytest.raises(errors.ServerError) as caught:
        documents.upload(server.url + SIGNED, b"abc", "text/plain", pool=talk.pool)
    assert caught.value.outcome_unknown


KANA = "注文番号\tアマゾン\n"


@pytest.mark.parametrize(
    ("content", "content_type", "text", "charset"),
    [
        (TEXT.encode(), "", TEXT, "utf-8"),
        (TEXT.encode(), "text/plain; charset=ISO-8859-1", TEXT, "utf-8"),
        (TEXT.encode(), "text/plain; charset=nonsense", TEXT, "utf-8"),
        (TEXT.encode("cp1252"), "text/plain; charset=windows-1252", TEXT, "cp1252"),
        (TEXT.encode("cp1252"), "text/plain", TEXT, "cp1252"),
        (TEXT.encode("utf-8-sig"), "text/plain; charset=cp1252", TEXT, "utf-8-sig"),
        (TEXT.encode("utf-16"), "", TEXT, "utf-16"),
        (TEXT.encode("utf-16-le"), "", TEXT, "utf-16-le"),
        (TEXT.encode("utf-16-be"), "", TEXT, "utf-16-be"),
        (KANA.encode("cp932"), "text/plain; charset=Shift_JIS", KANA, "cp932"),
        (KANA.encode("cp932"), "", KANA, "cp932"),
        (KANA.encode("utf-8"), "text/plain; charset=Shift_JIS", None, None),
        (b"", "", "", "utf-8"),
        (b"\x81 undefined everywhere \xff", "", "\x81 undefined everywhere ÿ", "latin-1"),
    ],
)
def test_charsets(content, content_type, text, charset):
    result = documents.decode(content, content_type)
    if text is not None:
        assert result == (text, charset)


def test_japanese_without_kana():
    assert documents.decode("東京都".encode("cp932"), japanese=True)[0] == "東京都"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.text(max_size=20))
def test_decoding_never_fails(content, content_type):
    assert isinstance(documents.decode(content, content_type)[0], str)
