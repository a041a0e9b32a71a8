"""Translators between the engine and one institution each, and the institutions' emulators.

Every folder has a `gateway.run` and an `institution.run`, started by `gateways.process`.
"""
