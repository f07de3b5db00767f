from . import test_amazon_request
