"""Rows: where they come from, what they must look like, and a stand-in where there are none."""
