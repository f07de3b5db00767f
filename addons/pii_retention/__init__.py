from . import logmask, private_tmp, reveal, statements
from . import controllers, models, wizards

logmask.install()
private_tmp.install()
reveal.install()
statements.install()
