"""Model cards and datasheets."""
