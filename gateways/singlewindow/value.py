"""Customs decimals as exact integers of a hundred thousandth, and currencies of documents."""

from __future__ import annotations

PLACES = 5
UNIT = 100_000
_DIGITS_MAX = 18
# Far above any parcel; sums of a whole book stay inside 64 bits.
VALUE_E5_MAX = 10**16

# JGS-20 number → ISO letters and digits of the minor unit.
_CURRENCIES: dict[str, tuple[str, int]] = {
    "142": ("CNY", 2),
    "502": ("USD", 2),
    "300": ("EUR", 2),
    "110": ("HKD", 2),
    "116": ("JPY", 0),
    "303": ("GBP", 2),
    "501": ("CAD", 2),
    "601": ("AUD", 2),
    "132": ("SGD", 2),
    "133": ("KRW", 0),
}


def parse_e5(text: str, field: str) -> int:
    """A decimal without sign, exactly. Raises `ValueError`."""
    whole, _, fraction = text.strip().partition(".")
    digits = f"{whole}{fraction}"
    is_decimal = digits.isascii() and digits.isdecimal() and whole and len(fraction) <= PLACES
    if not is_decimal or len(whole) > _DIGITS_MAX:
        raise ValueError(f"{field}: {text!r} is no decimal of {PLACES} places")
    value = int(whole) * UNIT + int(fraction.ljust(PLACES, "0"))
    if value > VALUE_E5_MAX:
        raise ValueError(f"{field}: {text!r} is above {VALUE_E5_MAX // UNIT}")
    return value


def write_e5(value: int) -> str:
    """The decimal again."""
    return f"{value // UNIT}.{value % UNIT:0{PLACES}d}"


def iso(currency: str) -> str:
    """ISO letters of a customs currency; a code that is not known stays as it is."""
    return _CURRENCIES.get(currency, (currency, 2))[0]


def minor(value_e5: int, currency: str) -> int:
    """Minor units, rounded down."""
    _, places = _CURRENCIES.get(currency, ("", 2))
    per_unit = 1 if places == 0 else 100
    return value_e5 * per_unit // UNIT
