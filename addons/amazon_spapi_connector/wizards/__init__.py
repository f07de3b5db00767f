from . import spapi_listing_assign, spapi_order_question, stock_return_picking
