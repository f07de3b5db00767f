"""The scanner sees what PostgreSQL keeps: rows, dead rows, indexes, statistics, compressed values, WAL, log, dumps."""

from __future__ import annotations

import bz2
import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from canary import Scanner, make_canaries
from canary.cluster import stitch
from canary.stores import find_program

from house.cache import Cache, location
from house.postgres import Cluster, find_binaries

psycopg2 = pytest.importorskip("psycopg2")

PERSON = make_canaries(seed=15)[0]
VALUE = {field: canary.value for field, canary in PERSON.items()}


@dataclass
class Server:
    """A private cluster: its data directory, the DSN of its superuser, PostgreSQL's programs."""

    data: Path
    dsn: str
    programs: Path

    def run(self, *statements: str, values: tuple = ()) -> None:
        """Run each statement in a transaction of its own."""
        with closing(psycopg2.connect(self.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement, values or None)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An empty cluster of its own with its log inside; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="canary-pg-", dir="/tmp"))
    settings = {
        "autovacuum": "off",
        "logging_collector": "on",
        "log_directory": "log",
        "shared_buffers": "16MB",
        "wal_keep_size": "64MB",
        "default_toast_compression": "pglz",
    }
    binaries = find_binaries(Cache(location()))
    cluster = Cluster(folder, binaries, durable=False, settings=settings)
    try:
        running = cluster.start()
        dsn = f"host={running.host} port={running.port} user={running.superuser} dbname=postgres"
        yield Server(folder / "data", dsn, binaries.path)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def scan(server: Server, without: set[str] | None = None, cluster: bool = True) -> Scanner:
    scanner = Scanner(PERSON.values(), without or set())
    scanner.scan_database(server.dsn, "db")
    if cluster:
        scanner.scan_cluster(server.data, "cluster", server.dsn)
    assert not scanner.report.skipped, scanner.report.table()
    return scanner


@pytest.fixture(scope="module")
def planted(server: Server) -> Iterator[Server]:
    """Before anything is planted the cluster is clean; then each kind of place gets its own field."""
    before = scan(server)
    assert before.report.clean, before.report.table()
    print("\n" + before.report.figures("selftest_cluster_"))
    server.run(
        "CREATE TABLE plain (a text, b varchar[], c json, d jsonb, e bytea, f bigint, g numeric, h name, i tsvector)",
        "CREATE TABLE gone (a text)",
        "CREATE TABLE squeezed (a text)",
        "CREATE TABLE kept (a text)",
        "CREATE INDEX kept_index ON kept (lower(a))",
        "CREATE TABLE unique_one (a text UNIQUE)",
        "CREATE SCHEMA other",
        "CREATE MATERIALIZED VIEW other.mat AS SELECT ''::text AS a WITH NO DATA",
    )
    # Rows of every type.
    server.run("INSERT INTO plain (a) VALUES (%s)", values=(VALUE["name"],))
    server.run("INSERT INTO plain (b) VALUES (ARRAY[%s])", values=(VALUE["street"],))
    server.run("INSERT INTO plain (c) VALUES (json_build_object('x', %s::text))", values=(VALUE["gift_text"],))
    server.run("INSERT INTO plain (d) VALUES (jsonb_build_object('x', %s::text))", values=(VALUE["city"],))
    server.run("INSERT INTO plain (e) VALUES ('not compressed')")
    server.run("INSERT INTO plain (e) VALUES (%s)", values=(bz2.compress(VALUE["company_name"].encode()),))
    digits = "".join(char for char in VALUE["phone"] if char.isdigit())
    server.run("INSERT INTO plain (f) VALUES (%s)", values=(digits,))
    server.run("INSERT INTO plain (g) VALUES (%s)", values=(VALUE["vat"][2:],))
    server.run("INSERT INTO plain (i) VALUES (to_tsvector('simple', %s))", values=(VALUE["street2"],))
    server.run("SELECT lo_from_bytea(0, %s)", values=(gzip.compress(VALUE["delivery_note"].encode()),))
    server.run(f"COMMENT ON TABLE gone IS '{VALUE['zip']}'")
    # Deleted rows, one of them compressed.
    server.run("INSERT INTO gone VALUES (%s)", values=(VALUE["email"],))
    filler = "Quoth the raven, nevermore. " * 300
    server.run("INSERT INTO squeezed VALUES (%s)", values=(f"{filler}{VALUE['street2']}{filler}",))
    server.run("DELETE FROM gone", "DELETE FROM squeezed")
    # An index and statistics that outlive the value.
    server.run("INSERT INTO kept SELECT %s FROM generate_series(1, 40)", values=(VALUE["vat"],))
    server.run("ANALYZE kept", "DELETE FROM kept")
    server.run("REFRESH MATERIALIZED VIEW other.mat")
    # The server's log keeps what it refused.
    for _ in range(2):
        try:
            server.run("INSERT INTO unique_one VALUES (%s)", values=(VALUE["gift_text"],))
        except psycopg2.errors.UniqueViolation:
            pass
    yield server


def test_sql_sees_values_of_every_type(planted: Server) -> None:
    report = scan(planted, cluster=False).report
    for column, field in {
        "plain.a": "name",
        "plain.b": "street",
        "plain.c": "gift_text",
        "plain.d": "city",
        "plain.e": "company_name",
        "plain.f": "phone",
        "plain.g": "vat",
        "plain.i": "street2",
    }.items():
        assert report.fields(f"db/public.{column}") == {field}, report.table()
    assert report.fields("db/large object") == {"delivery_note"}
    assert report.fields("db/pg_catalog.pg_description.description") == {"zip"}
    assert "vat" in report.fields("db/pg_catalog.pg_statistic.stavalues1")
    assert not report.fields("db/public.gone") and not report.fields("db/public.squeezed")
    print("\n" + report.figures("selftest_sql_"))


def raw_places(report_places: set[str], title: str) -> set[str]:
    return {place for place in report_places if f"({title})" in place}


def test_raw_files_show_what_sql_no_longer_does(planted: Server) -> None:
    report = scan(planted).report
    assert raw_places(report.places_with(["email"]), "heap gone"), report.table()
    assert raw_places(report.places_with(["street2"]), "heap squeezed"), report.table()
    assert raw_places(report.places_with(["vat"]), "index kept_index"), report.table()
    assert raw_places(report.places_with(["vat"]), "heap pg_statistic"), report.table()
    assert "gift_text" in report.fields("cluster/log/"), report.table()
    live = {place for place in report.places_with() if place.startswith("cluster/pg_wal/") and place.endswith("(live)")}
    assert live and {"email", "street2", "name"} <= report.fields("cluster/pg_wal/")
    print("\n" + report.figures("selftest_planted_"))


def test_the_compressed_value_needs_its_form(planted: Server) -> None:
    report = scan(planted, {"pglz"}).report
    assert not raw_places(report.places_with(["street2"]), "heap squeezed")
    assert raw_places(report.places_with(["email"]), "heap gone")


def test_dumps(planted: Server, tmp_path: Path) -> None:
    programs = [planted.programs]
    pg_dump = find_program("pg_dump", programs)
    if not pg_dump or not find_program("pg_restore", programs):
        pytest.skip("pg_dump and pg_restore are not installed")
    for name, options in {"plain": [], "custom": ["-Fc"], "tar": ["-Ft"], "folder": ["-Fd"]}.items():
        target = tmp_path / name
        subprocess.run([pg_dump, *options, "-f", str(target), planted.dsn], check=True, capture_output=True)
        scanner = Scanner(PERSON.values(), programs=programs)
        if target.is_dir():
            scanner.scan_tree(target, "dump")
        else:
            scanner.scan_file(target, "dump")
        wanted = {
            "name",
            "street",
            "gift_text",
            "city",
            "phone",
            "vat",
            "zip",
            "street2",
            "company_name",
            "delivery_note",
        }
        assert scanner.report.fields() >= wanted and not scanner.report.skipped, name
        if name == "custom":
            blind = Scanner(PERSON.values(), {"pg_dump"})
            blind.scan_file(target, "dump")
            assert not blind.report.fields() & {"name", "street", "city"}


def test_recycled_wal_is_told_from_live(planted: Server, tmp_path: Path) -> None:
    """A segment renamed for future use keeps its old bytes; a value across two pages is one value again."""
    planted.run("CHECKPOINT")
    source = next(path for path in sorted((planted.data / "pg_wal").iterdir()) if len(path.name) == 24)
    data = source.read_bytes()
    assert stitch(data, source.name)[1:] == (8192, False)
    later = f"{source.name[:16]}{int(source.name[16:], 16) + 9:08X}"
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / later).write_bytes(data)
    scanner = Scanner(PERSON.values())
    scanner.scan_cluster(tmp_path, "old")
    assert scanner.report.fields(f"old/pg_wal/{later} (recycled)")

    value = b"a value that is nowhere else in the log"
    assert value not in data
    split = bytearray(data)
    split[2 * 8192 - 5 : 2 * 8192] = value[:5]
    long_header = int.from_bytes(data[2 * 8192 + 2 : 2 * 8192 + 4], "little") & 2
    start = 2 * 8192 + (40 if long_header else 24)
    split[start : start + len(value) - 5] = value[5:]
    assert value in stitch(bytes(split), source.name)[0]


def test_no_connection_is_an_error_and_no_permission_a_gap(planted: Server) -> None:
    planted.run("DROP ROLE IF EXISTS weak", "CREATE ROLE weak LOGIN")
    scanner = Scanner(PERSON.values())
    scanner.scan_database(planted.dsn.replace("user=postgres", "user=weak"), "weak")
    assert any("public.plain" in entry.place for entry in scanner.report.skipped)
    with pytest.raises(psycopg2.OperationalError):
        scanner.scan_database(planted.dsn.replace("dbname=postgres", "dbname=missing"), "missing")
