"""What a checked report needs, whatever it reports on: checks, statements and the code that a page shows."""
