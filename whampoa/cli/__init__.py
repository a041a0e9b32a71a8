"""The `whampoa` command: one file a verb."""
