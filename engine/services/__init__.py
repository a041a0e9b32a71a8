"""The services of the engine: writes as raw bytes, reads over projections and the core."""
