"""The bench is a package of the checkout, not of the wheel: its folder's parent must be importable."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parents[3])
if CHECKOUT not in sys.path:
    sys.path.insert(0, CHECKOUT)
