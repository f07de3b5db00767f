-- a copy of the database must not speak to Amazon, nor hold what opens the seller's account
UPDATE spapi_account
   SET client_secret_sealed = NULL,
       refresh_token_sealed = NULL,
       quarantine_key_sealed = NULL,
       client_id = NULL,
       application_id = NULL,
       region = 'custom',
       endpoint_url = 'https://neutralized.invalid',
       token_url = 'https://neutralized.invalid/token',
       consent_url = 'https://neutralized.invalid/consent',
       state = 'draft',
       active = FALSE,
       retry_at = NULL;
DELETE FROM spapi_oauth_state;
UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'amazon_spapi_connector');
