from . import logmask, private_tmp, reveal, statements
from . import controllers, models

logmask.install()
private_tmp.install()
reveal.install()
statements.install()
