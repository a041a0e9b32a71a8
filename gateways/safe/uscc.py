"""Check character of the unified social credit code (GB 32100-2015)."""

from __future__ import annotations

# 0 to 9 and A to Z without I, O, S, V, Z.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CHARACTERS = 18


def is_valid(code: str) -> bool:
    """Whether the last of 18 characters is the check character of the others."""
    if len(code) != _CHARACTERS or not set(code) <= set(_ALPHABET):
        return False
    digits = [_ALPHABET.index(character) for character in code]
    total = sum(digit * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return (31 - total % 31) % 31 == digits[-1]
