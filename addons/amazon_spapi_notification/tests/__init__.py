from . import test_order_change, test_queue, test_subscription
