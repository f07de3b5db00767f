from . import spapi_listing_assign
