from . import spapi_account
