from . import controllers, jobs, models, wizards
