from . import spapi_listing_assign, spapi_order_question, spapi_order_settle, stock_return_picking
