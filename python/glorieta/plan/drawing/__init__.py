"""`glorieta explain --svg`: listeners, groups, upstreams and endpoints as a drawing for a wiki.

An SVG without scripts and fonts of its own, light and dark, which every browser and wiki shows. Columns from left to
right are the way of a request.
"""

from .draw import draw

__all__ = ["draw"]
