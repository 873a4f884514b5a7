"""Figures at size: `make size`."""
