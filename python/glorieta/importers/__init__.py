"""Other programs' configurations: their file → an `Edge`, its YAML, and a note on each of its lines."""

from .imported import Imported
from .note import Note
from .recognising import import_file, recognise

__all__ = ["Imported", "Note", "import_file", "recognise"]
