from . import controllers, jobs, models
