-- a copy of the database answers no request: decisions are the original's
UPDATE pii_request
   SET decision_seal = NULL
 WHERE decision_seal IS NOT NULL;
UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'pii_retention_request');
