from . import test_warehouse_scope
