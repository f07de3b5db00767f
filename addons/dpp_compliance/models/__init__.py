from . import dpp_password
from . import dpp_lockout
from . import ir_http
from . import res_users
from . import res_users_password
from . import res_users_lockout
