"""The version of midstream, in its one place."""

__version__ = "0.1.0"
