"""Customs documents of a made-up world in the official format, the same for the same seed."""
