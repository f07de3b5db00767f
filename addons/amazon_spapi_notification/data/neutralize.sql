-- a copy must not take messages out of the queue of the original
UPDATE spapi_account
   SET sqs_secret_key_sealed = NULL,
       sqs_access_key = NULL,
       sqs_queue_url = NULL,
       sqs_endpoint_url = NULL,
       sqs_subscription_id = NULL;
UPDATE ir_cron
   SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'amazon_spapi_notification');
