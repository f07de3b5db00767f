"""The client against the printer, over HTTP."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import socket
import time

import pytest
from pii_retention_print.ipp import Endpoint, PrinterError, client, transport
from printer_box import Device

from support.figures import figure

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4000


def endpoint(uri: str, **more: object) -> Endpoint:
    return Endpoint(uri, **{"connect_seconds": 2.0, "total_seconds": 10.0, **more})  # type: ignore[arg-type]


def print_on(where: Endpoint, content: bytes = PDF, kind: str = "application/pdf") -> client.JobStatus:
    return client.send(where, client.open_job(where, "Test", kind), content, kind, "Test")


def cause(call, *arguments: object) -> str:
    with pytest.raises(PrinterError) as caught:
        call(*arguments)
    return caught.value.cause


def test_a_document_arrives_byte_for_byte(device: Device) -> None:
    status = print_on(endpoint(device.office))
    (job,) = device.jobs()
    assert job["id"] == status.job_id and job["state"] == "completed"
    assert job["documents"] == [
        {"format": "application/pdf", "size": len(PDF), "sha256": hashlib.sha256(PDF).hexdigest()}
    ]
    assert [entry["operation"] for entry in device.journal()] == ["Create-Job", "Send-Document"]
    assert client.job_status(endpoint(device.office), status.job_id).state == "completed"


def test_what_the_printer_says(device: Device) -> None:
    info = client.attributes(endpoint(device.labels))
    assert info.state == "idle" and info.accepting and info.formats[0] == "application/vnd.zebra-zpl"
    device.fault("paper")
    assert client.attributes(endpoint(device.office)).reasons == ("media-empty",)
    assert [queue.name for queue in client.queues(endpoint(device.base + "/"))] == ["labels", "office"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("busy", "busy"),
        ("not-accepting", "not_accepting"),
        ("not-authorized", "not_authorized"),
        ("internal", "refused"),
        ("garbage", "not_ipp"),
        ("redirect", "moved"),
        ("reset", "interrupted"),
    ],
)
def test_faults_have_names(device: Device, kind: str, expected: str) -> None:
    device.fault(kind)
    assert cause(client.open_job, endpoint(device.office), "Test", "application/pdf") == expected
    assert not [job for job in device.jobs() if job["documents"]]


def test_a_redirect_is_not_followed_with_the_document(device: Device) -> None:
    where = endpoint(device.office)
    job_id = client.open_job(where, "Test", "application/pdf")
    device.fault("redirect")
    assert cause(client.send, where, job_id, PDF, "application/pdf", "Test") == "moved"
    assert [entry["queue"] for entry in device.journal() if entry["bytes"]] == ["office"]


def test_time_is_limited_even_while_the_answer_comes(device: Device) -> None:
    device.fault("slow", seconds=30)
    started = time.monotonic()
    assert cause(client.attributes, endpoint(device.office, total_seconds=0.5)) == "timeout"
    assert time.monotonic() - started < 5

    # headers, then silence
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = endpoint(f"ipp://127.0.0.1:{listener.getsockname()[1]}/x", total_seconds=0.5)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(cause, client.attributes, where)
            connection, _peer = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: 500\r\n\r\nx")
                assert asked.result(10) == "timeout"


def test_nobody_there(device: Device) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert cause(client.attributes, endpoint(f"ipp://127.0.0.1:{port}/x")) == "unreachable"
    assert cause(client.attributes, endpoint("ipp://10.0.0.1/x")) == "address"
    assert cause(client.attributes, endpoint("ipps://printer.invalid/x")) == "unresolved"
    assert cause(client.attributes, endpoint(device.base + "/printers/none")) == "gone"


def test_a_name_that_leads_out_of_the_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 631))]

    async def getaddrinfo(*_arguments: object, **_more: object) -> list:
        return found

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    with pytest.raises(PrinterError) as caught:
        client.attributes(endpoint("ipp://printer.local/x", allow_network=True))
    assert (caught.value.cause, caught.value.detail) == ("address", "public")
    with pytest.raises(PrinterError) as caught:
        client.attributes(endpoint("ipp://localhost/x"))
    assert (caught.value.cause, caught.value.detail) == ("address", "public")


def test_a_broken_connection_prints_once_or_not_at_all(device: Device) -> None:
    where = endpoint(device.office)
    device.fault("reset-after", operation="Send-Document", times=1)
    assert print_on(where).state == "completed"
    device.fault("reset", operation="Send-Document", times=1)
    assert cause(print_on, where) == "refused"
    assert [job["state"] for job in device.jobs()] == ["completed", "canceled"]


def test_without_create_job_the_outcome_may_stay_open(device: Device) -> None:
    where = endpoint(device.office)
    device.fault("no-create")
    assert client.open_job(where, "Test", "application/pdf") is None
    assert print_on(where).state in ("pending", "completed")
    device.fault("reset-after", operation="Print-Job", times=1)
    assert cause(print_on, where) == "interrupted"


def test_an_old_printer_is_spoken_to_in_its_version(device: Device) -> None:
    device.fault("v1")
    print_on(endpoint(device.office))
    versions = {entry["operation"]: entry["version"] for entry in device.journal()}
    assert versions["Send-Document"] == [1, 1]


def test_cancel(device: Device) -> None:
    where = endpoint(device.office)
    device.call("PATCH", "queues/office", {"pages_per_second": 600})
    try:
        status = print_on(where)
        client.cancel(where, status.job_id)
        assert client.job_status(where, status.job_id).state == "cancelled"
        assert cause(client.cancel, where, status.job_id) == "not_possible"
    finally:
        device.call("PATCH", "queues/office", {"pages_per_second": 0})


def test_a_password_is_sent_and_not_shown(device: Device) -> None:
    device.call("PATCH", "queues/office", {"password": "hunter2"})
    try:
        assert cause(client.attributes, endpoint(device.office)) == "not_authorized"
        where = endpoint(device.office, username="odoo", password="hunter2")
        assert client.attributes(where).state == "idle"
        assert "hunter2" not in repr(where)
    finally:
        device.call("PATCH", "queues/office", {"password": None})


def test_certificates(tls_device: tuple[Device, str]) -> None:
    device, fingerprint = tls_device
    assert cause(client.attributes, endpoint(device.office)) == "certificate"
    shown = client.certificate(endpoint(device.office))
    assert shown.replace(":", "").lower() == fingerprint
    assert client.attributes(endpoint(device.office, fingerprint=shown)).state == "idle"
    assert client.attributes(endpoint(device.office, fingerprint=fingerprint)).state == "idle"
    assert cause(client.attributes, endpoint(device.office, fingerprint="00" * 32)) == "certificate"
    assert cause(client.attributes, endpoint(device.office, fingerprint="zz")) == "certificate"


def test_a_printer_that_is_silent_about_its_certificate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = endpoint(f"ipps://127.0.0.1:{listener.getsockname()[1]}/x", total_seconds=0.5)
        started = time.monotonic()
        assert cause(client.certificate, where) == "timeout"
        assert time.monotonic() - started < 5


def test_tls_where_there_is_none(device: Device) -> None:
    assert cause(client.attributes, endpoint(device.office.replace("ipp://", "ipps://"))) in ("tls", "interrupted")


def test_many_at_once_and_from_a_running_loop(device: Device) -> None:
    where = endpoint(device.office)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda number: print_on(where, PDF + bytes([number])).job_id, range(24)))
    assert len(set(jobs)) == 24 == len(device.jobs())

    async def inside() -> str:
        return client.attributes(where).state

    assert asyncio.run(inside()) == "idle"
    figure("ipp_jobs_at_once", 24, "jobs")


def test_no_proxy_of_the_environment_gets_a_document(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert client.attributes(endpoint(device.office)).state == "idle"
    assert transport.USER == "odoo"
