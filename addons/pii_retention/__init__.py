from . import logmask, private_tmp, reveal
from . import models

logmask.install()
private_tmp.install()
reveal.install()
