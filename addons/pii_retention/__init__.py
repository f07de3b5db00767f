from . import logmask, private_tmp
from . import models

logmask.install()
private_tmp.install()
