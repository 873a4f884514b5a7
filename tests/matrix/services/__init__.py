"""Services that all do alike, whatever they speak."""

from .exchange import LARGE, WORDS, Exchange, Shop
from .h1 import H1Service
from .h2 import H2Service

__all__ = ["LARGE", "WORDS", "Exchange", "H1Service", "H2Service", "Shop"]
