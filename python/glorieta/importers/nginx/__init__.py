"""NGINX's configuration files, http and stream."""

from .translate import translate

__all__ = ["translate"]
