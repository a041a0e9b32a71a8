"""One load scenario a file."""
