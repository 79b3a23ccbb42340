"""The o1coder lab: everything but the screens. See README.md for the files in dependency order."""

__version__ = "0.1.0"
