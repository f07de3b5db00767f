from . import pii_request, spapi_account
