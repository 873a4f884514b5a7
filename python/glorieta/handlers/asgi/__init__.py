"""Applications of the ASGI kind (FastAPI, Starlette, Django, …) in the place of a router."""

from .mounting import Mounted, mount

__all__ = ["Mounted", "mount"]
