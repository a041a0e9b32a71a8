"""The centre's result block, the same in all its receipts."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from gateways import markup, moment
from gateways.pboc import profile

# Reason codes that the emulator gives, and the text beside them.
TEXTS = {
    "AC01": "incorrect account number",
    "AC04": "closed account number",
    "AC06": "blocked account",
    "RC03": "unknown debtor agent",
    "RC04": "unknown creditor agent",
    "RR04": "regulatory reason",
}


def add(parent: ET.Element, status: str, reason: str, time_ms: int) -> None:
    """Status, code, reject text, netting date and round, settlement date, both times."""
    block = markup.add(parent, "NPCPrcInf")
    markup.add(block, "PrcSts", status)
    if reason:
        markup.add(block, "PrcCd", reason)
        markup.add(block, "RjctInf", TEXTS.get(reason, reason))
    date = moment.beijing(time_ms).date().isoformat()
    markup.add(block, "NetgDt", date)
    markup.add(block, "NetgRnd", profile.NETTING_ROUND)
    markup.add(block, "SttlmDt", date)
    markup.add(block, "RcvTm", moment.write(time_ms))
    markup.add(block, "TrnsmtTm", moment.write(time_ms))
