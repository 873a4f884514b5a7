"""`glorieta explain --origin`: every value that holds, and where it was said.

The models are walked as they are, so that a field that is new appears by itself; what lies beneath what is told by
`walking`, in the way of `config.base.layered`.
"""

from .origins import Origins, origins
from .value import Value

__all__ = ["Origins", "Value", "origins"]
