"""Telling failures apart: our first version, what simple models do, this version, and how far it could go."""
