"""The server around the compiled core: listeners, services, projections."""
