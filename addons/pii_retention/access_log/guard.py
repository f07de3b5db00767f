"""The triggers by which PostgreSQL itself refuses to change the log, whoever asks."""

from __future__ import annotations

# Rows go when a mark of the log itself covers them and they are older than the longest retention of any company; the
# policy's table may not exist yet when the trigger is made, and cannot say less than 12 months.
_BODY = """
DECLARE
    months integer;
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'pii_access_log' THEN
        SELECT GREATEST(12, COALESCE(max(log_months), 13)) INTO months FROM pii_policy;
        IF OLD.at < (now() AT TIME ZONE 'UTC') - make_interval(months => months)
           AND EXISTS (SELECT FROM pii_log_seal WHERE kind = 'expired' AND last_row >= OLD.id) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% of table % is refused: the access log of personal data is only added to.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
"""
_FUNCTION = f"CREATE OR REPLACE FUNCTION pii_log_guard() RETURNS trigger LANGUAGE plpgsql AS $guard${_BODY}$guard$"
_TRIGGERS = {
    "pii_access_log": """
        DROP TRIGGER IF EXISTS pii_log_guard_row ON pii_access_log;
        DROP TRIGGER IF EXISTS pii_log_guard_table ON pii_access_log;
        CREATE TRIGGER pii_log_guard_row BEFORE UPDATE OR DELETE ON pii_access_log
            FOR EACH ROW EXECUTE FUNCTION pii_log_guard();
        CREATE TRIGGER pii_log_guard_table BEFORE TRUNCATE ON pii_access_log
            FOR EACH STATEMENT EXECUTE FUNCTION pii_log_guard()""",
    "pii_log_seal": """
        DROP TRIGGER IF EXISTS pii_log_guard_row ON pii_log_seal;
        DROP TRIGGER IF EXISTS pii_log_guard_table ON pii_log_seal;
        CREATE TRIGGER pii_log_guard_row BEFORE UPDATE OR DELETE ON pii_log_seal
            FOR EACH ROW EXECUTE FUNCTION pii_log_guard();
        CREATE TRIGGER pii_log_guard_table BEFORE TRUNCATE ON pii_log_seal
            FOR EACH STATEMENT EXECUTE FUNCTION pii_log_guard()""",
}


def install(cr, table: str) -> None:
    """Make the triggers of ``table`` (``pii_access_log`` or ``pii_log_seal``); again after each update of the addon."""
    cr.execute(_FUNCTION)
    cr.execute(_TRIGGERS[table])


def findings(cr) -> list[str]:
    """Return what is wrong with the triggers, as sentences."""
    cr.execute(
        """SELECT tgrelid::regclass::text, tgname FROM pg_trigger
            WHERE tgrelid IN ('pii_access_log'::regclass, 'pii_log_seal'::regclass)
              AND tgenabled IN ('O', 'A') AND tgfoid = to_regproc('pii_log_guard')"""
    )
    there = set(cr.fetchall())
    found = [
        f"The trigger {name} that protects the table {table} is missing or switched off. Update the addon to renew it."
        for table in _TRIGGERS
        for name in ("pii_log_guard_row", "pii_log_guard_table")
        if (table, name) not in there
    ]
    cr.execute("SELECT prosrc FROM pg_proc WHERE oid = to_regproc('pii_log_guard')")
    row = cr.fetchone()
    if not row or row[0] != _BODY:
        found.append("The function pii_log_guard, which protects the log, was changed. Update the addon to renew it.")
    return found
