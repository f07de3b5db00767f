from . import spapi_notification, spapi_account, spapi_account_queue  # isort: skip
