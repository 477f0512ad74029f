"""Deep learning on tables, done twice: as a student's lab submitted it, and soundly."""

import os

from labcode import sources

# Threads that wait for each other spin this often, some 0.1 ms, before they sleep. The default is 60 times as often,
# which on a machine with other work to do makes small networks up to 30 times slower; on an idle one the two are
# equally fast. It has to be set before PyTorch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

sources.watch("labcode")  # before any other module of it is imported

__version__ = "0.1.0"
