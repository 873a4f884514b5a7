"""`glorieta fmt`: the house's form of a YAML file, with every comment where it was.

Only what stands between libyaml's tokens is written anew: indentation, blanks and blank lines. Tokens and comments are
copied, so that nothing can be lost that a tree of values would have no place for. (Tried before: ruamel.yaml's round
trip puts a mapping in braces on one line and drops the comments in it.)
"""

from .text import format_text

__all__ = ["format_text"]
