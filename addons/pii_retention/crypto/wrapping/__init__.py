"""Master keys: how stored keys are wrapped, so that a copy of the store alone opens nothing."""

from .base import PLAIN, Plain, Wrapped, Wrapper, Wrapping
from .kms import KmsWrapper
from .local import LocalWrapper, master_from_environment, master_from_file
from .spec import MasterOptions, wrapper_from
from .transit import TransitWrapper

__all__ = [
    "PLAIN",
    "KmsWrapper",
    "LocalWrapper",
    "MasterOptions",
    "Plain",
    "TransitWrapper",
    "Wrapped",
    "Wrapper",
    "Wrapping",
    "master_from_environment",
    "master_from_file",
    "wrapper_from",
]
