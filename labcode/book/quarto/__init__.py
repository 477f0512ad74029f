"""What Quarto needs of us: scripts before and after a render, filters, and the meaning of its messages."""
