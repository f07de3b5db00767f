from . import controllers, models, sweeping, wizards
