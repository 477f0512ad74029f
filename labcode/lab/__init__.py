"""The lab: what each chapter computes, a folder a chapter, and how a page gets at it."""

from labcode.results.run import load_typed as load

__all__ = ["load"]
