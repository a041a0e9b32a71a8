"""The DXP layer: ids of its users, messages put together for customs, and answers (DxpRep)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape

from engine import formats

CHINA = dt.timezone(dt.timedelta(hours=8))
CUSTOMS = "DXPEDCCEB0000003"
MESSAGE_FORMAT = "ceb"
RESPONSE_FORMAT = "dxp.rep"

# Response codes. The reference gives the failures; the code of success is a profile parameter.
TAKEN = "0000"
BAD_FORMAT = "0001"
BAD_SCHEMA = "0002"
SYSTEM_ERROR = "3001"

_CEB = "http://www.chinaport.gov.cn/ceb"
_DXP = "http://www.chinaport.gov.cn/dxp"
_ID_CHARACTERS_MAX = 16
_INFO_CHARACTERS_MAX = 300
_TYPE_CHARACTERS_MAX = 30
_CODE = re.compile(rb"<(?:\w+:)?ResponseCode>([^<]{1,9})</")
_INFO = re.compile(rb"<(?:\w+:)?ResponseInfo>([^<]*)</")


def user_id(code: str) -> str:
    """The DXP id of a company: a customs code behind "DXPENT", the end of a credit code."""
    return f"DXPENT{code}"[-_ID_CHARACTERS_MAX:]


def message_type(number: int) -> str:
    """How an envelope names a CEB message."""
    return f"CEB{number}Message" if number else "unknown"


def guid(*parts: bytes) -> str:
    """36 characters drawn from what they name, so that a message sent again is the same."""
    raw = hashlib.sha256(b"\x00".join(parts)).hexdigest()[:32].upper()
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def china_time(time_ms: int) -> str:
    """xs:dateTime in China, to the second."""
    return dt.datetime.fromtimestamp(time_ms // 1000, CHINA).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=64)
def china_stamp(time_ms: int) -> str:
    """yyyyMMddHHmmssfff in China."""
    moment = dt.datetime.fromtimestamp(time_ms // 1000, CHINA)
    return f"{moment:%Y%m%d%H%M%S}{time_ms % 1000:03d}"


def forwarded(number: int, elements: Sequence[bytes], transmitter: str, time_ms: int) -> bytes:
    """Documents as received in a message of their own, transmitted in the same company's name."""
    root = message_type(number)
    identifier = guid(*elements)
    code = escape(transmitter)
    # The engine keeps the company's code; its name stands with whoever registered the code.
    transfer = (
        f"<BaseTransfer><copCode>{code}</copCode><copName>{code}</copName>"
        f"<dxpMode>DXP</dxpMode><dxpId>DXPENT{code}</dxpId></BaseTransfer>"
    )
    head = f'<{root} guid="{identifier}" version="1.0" xmlns="{_CEB}">'
    message = b"".join((head.encode(), *elements, f"{transfer}</{root}>".encode()))
    envelope = formats.Envelope(
        cop_msg_id=identifier,
        sender_id=user_id(transmitter),
        receiver_ids=(CUSTOMS,),
        create_time=china_time(time_ms),
        msg_type=root,
    )
    return formats.wrap(message, envelope)


def response(reading: formats.Reading, code: str, info: str, time_ms: int) -> bytes:
    """A DxpRep; the head of a message without an envelope is made up from the message itself."""
    envelope = reading.envelope
    if envelope is None:
        envelope = formats.Envelope(
            cop_msg_id=guid(*reading.accepted, *reading.findings),
            sender_id=user_id(reading.transmitter_code),
            receiver_ids=(CUSTOMS,),
            create_time=china_time(time_ms),
            msg_type=message_type(reading.number),
        )
    receivers = "".join(
        f"<ReceiverId>{escape(receiver)}</ReceiverId>" for receiver in envelope.receiver_ids
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><DxpRep ver="1.0" xmlns="{_DXP}">'
        f"<RecevierId>{escape(envelope.sender_id or CUSTOMS)}</RecevierId><Response>"
        f"<ResponseCode>{code}</ResponseCode>"
        f"<ResponseInfo>{escape(info[:_INFO_CHARACTERS_MAX])}</ResponseInfo>"
        f"<NoticeTime>{china_time(time_ms)[:10]}</NoticeTime>"
        f"<OriHead><CopMsgId>{escape(envelope.cop_msg_id)}</CopMsgId>"
        f"<SenderId>{escape(envelope.sender_id or CUSTOMS)}</SenderId>"
        f"<ReceiverIds>{receivers}</ReceiverIds>"
        f"<CreatTime>{escape(envelope.create_time)}</CreatTime>"
        f"<MsgType>{escape(envelope.msg_type[:_TYPE_CHARACTERS_MAX])}</MsgType>"
        f"</OriHead></Response></DxpRep>"
    ).encode()


def content(message: bytes) -> bytes:
    """The CEB message inside an envelope that the codec took; one without an envelope is that."""
    # The codec let through neither a declaration nor another encoding.
    root = ET.fromstring(message, ET.XMLParser(encoding="utf-8"))  # noqa: S314
    if root.tag != f"{{{_DXP}}}DxpMsg":
        return message
    return base64.b64decode(root.findtext(f"{{{_DXP}}}Data", ""))


def parse_response(message: bytes) -> tuple[str, str]:
    """Code and text of a DxpRep. Raises `ValueError` when it has no code."""
    code = _CODE.search(message)
    if code is None:
        raise ValueError(f"DxpRep: no ResponseCode in {message[:80]!r}")
    info = _INFO.search(message)
    text = unescape(info[1].decode("utf-8", "replace")) if info else ""
    return code[1].decode("ascii", "replace"), text


def is_passing(code: str) -> bool:
    """Whether a failure goes away by itself: system, link and time are to blame."""
    return code.startswith("3")
