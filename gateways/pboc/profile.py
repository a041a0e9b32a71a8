"""What the clearing system's published layouts leave open: one table of profile parameters."""

from __future__ import annotations

# --- profile parameters: none of these values is given by the public description ---------------

# Member id of the settlement bank whose front the gateway is; `[gateway.pboc] bank_code`.
SETTLEMENT_BANK = "10400000000001"
# Member id of the national processing centre in headers.
CENTRE = "00000000000000"

HVPS = "HVPS"
BEPS = "BEPS"

# Versions of the message types and, where the body is not an ISO 20022 one, its namespace.
TRANSFER = "hvps.111.001.01"
BATCH = "beps.382.001.01"
RECEIPT = "beps.383.001.01"
NOTICE = "ccms.900.001.02"
REFUND = "ccms.318.001.02"
ACKNOWLEDGED = "ccms.990.001.02"
DISCARDED = "ccms.911.001.02"
OWN_NAMESPACE = "urn:cnaps:std:{system}:2010:tech:xsd:{message_type}"

# A hvps.111 body is pacs.008.001.02 and a ccms.318 body pacs.004.001.02; the element names of the
# system's own bodies stand in `batch`, `receipt`, `notice` and `acknowledgement`.
PACS_008 = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.02"
PACS_004 = "urn:iso:std:iso:20022:tech:xsd:pacs.004.001.02"

# Business type and kind of an ordinary customer credit, and its priority.
BUSINESS_TYPE = "A100"
BUSINESS_KIND = "02101"
SETTLEMENT_PRIORITY = "NORM"
CHARGE_BEARER = "DEBT"

# The batch's category purpose, return limit in days, receive type and check flag.
BATCH_PURPOSE = "A100"
BATCH_RETURN_DAYS = "1"
BATCH_RECEIVE_TYPE = "RT00"
BATCH_CHECK_FLAG = "CF00"

# Payments of one batch.
BATCH_ROWS_MAX = 500
# The largest small-value credit, CNY 1,000,000.00; `[gateway.pboc] small_value_max_minor`.
SMALL_VALUE_MAX_MINOR = 100_000_000
# Characters of a name.
NAME_CHARACTERS_MAX = 60
# Round of real-time netting that receipts name: every payment is netted on its own.
NETTING_ROUND = "01"


def own_namespace(message_type: str) -> str:
    """The namespace of a body of the system's own design."""
    system = message_type.partition(".")[0]
    return OWN_NAMESPACE.format(system=system, message_type=message_type)
