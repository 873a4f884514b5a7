"""`accept`: confusions that somebody knows of and means, each with the reason."""

from __future__ import annotations

Accepted = dict[str, str]
"""Code → why."""
