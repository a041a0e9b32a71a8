"""What the messages' published layouts leave to banks: one table of profile parameters."""

from __future__ import annotations

NOTIFICATION = "camt.054.001.08"
STATEMENT = "camt.053.001.08"
ORDER = "pain.001.001.09"
STATUS = "pain.002.001.10"
# The clearing front's message on money that came back; its layout is the front's.
CLEARING_RETURN = "clearing.return"

# --- profile parameters: none of these values is given by a public description -----------------

# Member id of the bank; `[institution.bank] bank_code` and `[gateway.bank] bank_code`.
BANK_CODE = "10400000000001"

# The board of rates is a layout of this bank; namespace and root as of an ISO message.
BOARD = "fx.board"
BOARD_NAMESPACE = "urn:bank:fx:board"

# Category purposes that tell apart what an order is for.
PURPOSE_SALE = "TREA"
PURPOSE_PAYOUT = "SUPP"
PURPOSE_REPAYMENT = "OTHR"

# Type of the reference in an entry that names the remittance it belongs to.
REMITTANCE_REFERENCE = "RMTC"
CHARGE_BEARER = "SHAR"

# Payments of one order.
PAYMENTS_MAX = 500

# Spot buying rates of a new bank: CNY for one unit, times 10^8; `[institution.bank.rates]`.
RATES_E8 = {
    "USD": 712_340_000,
    "EUR": 825_160_000,
    "GBP": 938_470_000,
    "HKD": 91_310_000,
    "JPY": 4_725_000,
}

# Longest texts: BUSCODE of the declaration, a name, one line of remittance information.
REFERENCE_CHARACTERS_MAX = 22
NAME_CHARACTERS_MAX = 140
TEXT_CHARACTERS_MAX = 140


def namespace(message: str) -> str:
    """The namespace of an ISO 20022 message."""
    return f"urn:iso:std:iso:20022:tech:xsd:{message}"
