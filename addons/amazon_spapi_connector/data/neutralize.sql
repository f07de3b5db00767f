-- a copy of the database must not speak to Amazon, nor hold what opens the seller's account
UPDATE spapi_account
   SET client_secret_sealed = NULL,
       refresh_token_sealed = NULL,
       client_id = NULL,
       state = 'draft',
       active = FALSE,
       retry_at = NULL;
DELETE FROM spapi_oauth_state;
UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (
       SELECT res_id FROM ir_model_data
        WHERE module = 'amazon_spapi_connector' AND name = 'ir_cron_import_orders'
 );
