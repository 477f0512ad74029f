"""The classification chapter's lab: its steps, results and experiments."""
