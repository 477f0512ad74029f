"""What any checked report needs, whatever it reports on: checks, statements, figures, two engines, preview, hand-in."""

import os
import sys

if "QUARTO_DOCUMENT_FILE" in os.environ and "ipykernel" in sys.modules:  # here the cells of a page run
    from labcode.book import frozen, lacking

    frozen.note_cells()
    lacking.guard_cells()
