"""Telling failures of machines apart: our first version, this version, and what limits both."""
