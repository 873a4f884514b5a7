"""Clients that all speak alike, whatever they speak."""

from .call import Answer, Call, Client, Cut, Fields
from .h1 import H1Client
from .h2 import H2Client
from .h3 import H3Client

__all__ = ["Answer", "Call", "Client", "Cut", "Fields", "H1Client", "H2Client", "H3Client"]
