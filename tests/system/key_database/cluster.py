"""A cluster for key databases."""

from __future__ import annotations

import itertools
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from house.postgres import Cluster

_numbers = itertools.count(1)


@dataclass
class KeyCluster:
    """A cluster for key databases, as Odoo's node reaches it."""

    cluster: Cluster
    socket: str
    data: Path

    def dsn(self, database: str, user: str = "odoo") -> str:
        return f"host={self.socket} port=5432 dbname={database} user={user}"

    @contextmanager
    def cursor(self, database: str, user: str = "postgres"):
        with closing(psycopg2.connect(self.dsn(database, user))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor

    def make(self) -> str:
        name = f"keys{next(_numbers)}"
        with self.cursor("postgres") as cursor:
            cursor.execute(f"CREATE DATABASE {name} OWNER odoo")
        return name

    def bytes_of(self, database: str) -> bytes:
        """All that lies in the files of one database."""
        with self.cursor(database) as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute("SELECT oid FROM pg_database WHERE datname = %s", (database,))
            folder = self.data / "base" / str(cursor.fetchone()[0])
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
