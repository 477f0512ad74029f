"""The classification: what the first version did, what this version does, and how far it could go."""
