"""The tables of the key database."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS pii_keys;
REVOKE ALL ON SCHEMA pii_keys FROM PUBLIC;

CREATE TABLE IF NOT EXISTS pii_keys.store (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id uuid NOT NULL,
    version integer NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    remains boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN pii_keys.store.remains IS 'destroyed or exchanged rows may still lie in the files of the table';

CREATE TABLE IF NOT EXISTS pii_keys.key (
    key_id text COLLATE "C" PRIMARY KEY,
    record bytea NOT NULL
);

CREATE TABLE IF NOT EXISTS pii_keys.tombstone (
    position bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" PRIMARY KEY,
    day date NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL
);

CREATE TABLE IF NOT EXISTS pii_keys.subject (
    position bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" PRIMARY KEY,
    day date NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL
);

CREATE TABLE IF NOT EXISTS pii_keys.revoked (
    position bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" PRIMARY KEY,
    day date NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL
);

CREATE TABLE IF NOT EXISTS pii_keys.operation (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at text NOT NULL,
    operation text NOT NULL,
    key_id text NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL,
    actor text NOT NULL
);

CREATE TABLE IF NOT EXISTS pii_keys.anchor (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    at text NOT NULL,
    value text NOT NULL
);
CREATE INDEX IF NOT EXISTS anchor_name ON pii_keys.anchor (name, position);

CREATE TABLE IF NOT EXISTS pii_keys.head (
    name text COLLATE "C" PRIMARY KEY,
    number numeric(20) NOT NULL,
    value text NOT NULL
);

CREATE OR REPLACE FUNCTION pii_keys.only_added_to() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'rows of pii_keys.% are only ever added', TG_TABLE_NAME;
END
$body$;
"""

#: Registers to which rows are only ever added; a trigger says so to whoever tries otherwise by mistake.
APPEND_ONLY = ("tombstone", "subject", "revoked", "operation", "anchor")

TRIGGERS = "\n".join(
    f"DROP TRIGGER IF EXISTS only_added_to ON pii_keys.{table};\n"
    f"CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON pii_keys.{table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION pii_keys.only_added_to();"
    for table in APPEND_ONLY
)

#: Roles other than the owner (and superusers) that were given anything on the tables of the store.
FOREIGN_GRANTS = """
SELECT pg_catalog.count(*)
FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'pii_keys'::regnamespace AND a.grantee <> c.relowner
"""

VERSION = 1
