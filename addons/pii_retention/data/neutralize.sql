-- a copy of the database opens nobody's data: what is sealed goes, and its companies get key domains of their own

-- the people: every sealed text and every index entry
UPDATE pii_subject
   SET state = 'erased',
       certificate_id = NULL,
       operational_token = NULL,
       fiscal_token = NULL,
       quarantine_token = NULL,
       content_mac = NULL,
       name_index = NULL,
       email_index = NULL,
       phone_index = NULL;

-- sealed files: their rows; the start of the copy takes what is left of them out of its filestore
DELETE FROM ir_attachment
 WHERE pii_subject_id IS NOT NULL
    OR pii_class IS NOT NULL
    OR pii_archive_id IS NOT NULL;
UPDATE pii_archive_item
   SET state = 'destroyed'
 WHERE state = 'kept';
INSERT INTO ir_config_parameter (key, value)
VALUES ('pii_retention.sweep_filestore', 'True')
    ON CONFLICT (key) DO UPDATE SET value = 'True';

-- whoever was allowed to open something is not any more
UPDATE pii_grant
   SET state = 'revoked',
       terms_seal = NULL,
       revoked_at = now() AT TIME ZONE 'UTC',
       revoked_reason = 'Ended: this database was neutralized'
 WHERE state IN ('requested', 'approved');
UPDATE pii_grant
   SET terms_seal = NULL
 WHERE terms_seal IS NOT NULL;
UPDATE pii_hold
   SET state = 'lifted',
       terms_seal = NULL
 WHERE state IN ('requested', 'approved');
UPDATE pii_archive_rule
   SET terms_seal = NULL
 WHERE terms_seal IS NOT NULL;
UPDATE pii_archive_request
   SET terms_seal = NULL
 WHERE terms_seal IS NOT NULL;
UPDATE pii_recipient
   SET state = 'suspended'
 WHERE state = 'active';

-- proofs of absence are sealed with the original's keys and speak of its data; the copy begins its own
DELETE FROM pii_proof_exception;
DELETE FROM pii_proof_line;
DELETE FROM pii_proof;

-- what was on its way: mails and notifications carry texts that people typed, the log what failed
DELETE FROM bus_bus;
DELETE FROM mail_mail;
DELETE FROM ir_logging;

-- backups are the original's: the copy neither restores nor deletes them
DELETE FROM mail_activity
 WHERE res_model = 'pii.backup';
DELETE FROM pii_backup;

-- keys: other domains, another store, another instance; the original's are out of reach for good
UPDATE res_company
   SET pii_domain = gen_random_uuid()::text;
DELETE FROM pii_key;
DELETE FROM ir_config_parameter
 WHERE key IN ('pii_retention.key_store_id', 'pii_retention.environment', 'pii_retention.ledger_seen',
               'pii_retention.former_names');
UPDATE ir_config_parameter
   SET value = gen_random_uuid()::text
 WHERE key = 'database.uuid';

UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'pii_retention');
