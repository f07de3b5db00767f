from . import logmask, private_tmp, reveal
from . import controllers, models

logmask.install()
private_tmp.install()
reveal.install()
