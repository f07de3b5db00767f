-- a copy of the database prints nowhere, and holds no printer's password
UPDATE pii_printer
   SET active = FALSE,
       uri = 'ipps://neutralized.invalid/',
       username = NULL,
       password_sealed = NULL,
       release_seal = NULL,
       fingerprint = NULL;
UPDATE pii_print_part
   SET state = 'cancelled'
 WHERE state IN ('queued', 'sending', 'sent', 'printing');
UPDATE pii_print_job
   SET state = 'cancelled'
 WHERE state IN ('queued', 'sending', 'sent', 'printing');
UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'pii_retention_print');
