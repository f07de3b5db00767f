"""The trigger by which PostgreSQL itself keeps the history of the policies, whoever asks."""

from __future__ import annotations

_BODY = """
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'requested' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.seal IS NULL OR OLD.seal = NEW.seal)
       AND to_jsonb(NEW) - '{seal,write_uid,write_date,message_main_attachment_id}'::text[]
         = to_jsonb(OLD) - '{seal,write_uid,write_date,message_main_attachment_id}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of table % is refused: the history of the policy is only added to.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
"""
_SQL = f"""
    CREATE OR REPLACE FUNCTION pii_policy_guard() RETURNS trigger LANGUAGE plpgsql AS $guard${_BODY}$guard$;
    DROP TRIGGER IF EXISTS pii_policy_guard_row ON pii_policy_change;
    DROP TRIGGER IF EXISTS pii_policy_guard_table ON pii_policy_change;
    CREATE TRIGGER pii_policy_guard_row BEFORE UPDATE OR DELETE ON pii_policy_change
        FOR EACH ROW EXECUTE FUNCTION pii_policy_guard();
    CREATE TRIGGER pii_policy_guard_table BEFORE TRUNCATE ON pii_policy_change
        FOR EACH STATEMENT EXECUTE FUNCTION pii_policy_guard()"""


def is_there(cr) -> bool:
    """Tell whether both triggers are there and at work."""
    cr.execute(
        """SELECT count(*) FROM pg_trigger
            WHERE tgrelid = 'pii_policy_change'::regclass AND tgenabled IN ('O', 'A')
              AND tgfoid = to_regproc('pii_policy_guard')"""
    )
    return cr.fetchone()[0] == 2


def install(cr) -> None:
    """Make the triggers; again after each update of the addon."""
    cr.execute(_SQL)
