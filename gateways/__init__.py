"""Translators to the institutions, and the institutions' stand-ins."""
