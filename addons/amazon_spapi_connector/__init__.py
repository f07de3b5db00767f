from . import controllers, models, sweeping
