"""Deep learning on tables, done twice: as a student's lab submitted it, and soundly."""

__version__ = "0.1.0"
