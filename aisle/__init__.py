"""The contract between Aisle's halves: file formats, and everything both must do identically."""

__version__ = "0.1.0"
