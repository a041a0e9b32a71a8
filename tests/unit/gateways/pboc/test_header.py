"""The header of 132 bytes: widths of the table, and every rule a parser keeps."""

import pytest

from gateways.pboc.header import BYTES, Header, HeaderError

HEADER = Header(
    sender="10400000000001",
    receiver="10300000000002",
    system="HVPS",
    date="20261124",
    time="140000",
    message_type="hvps.111.001.01",
    message_id="20261124SVMFRZ547TZW",
    reference_id="",
    priority="3",
    direction="U",
)
# Begin and end of each field as the widths of the table add up.
PLACES = {
    "BeginFlag": (0, b"[H:"),
    "VersionID": (3, b"01"),
    "OrigSender": (5, b" " * 14),
    "OrigReceiverSID": (37, b"BEPS"),
    "SendDate": (41, b"2026112X"),
    "SendTime": (49, b"1400  "),
    "StructType": (55, b"TXT"),
    "MesgType": (58, b" " * 20),
    "MesgID": (78, b" " * 20),
    "Priority": (118, b"4"),
    "Direction": (119, b"X"),
    "Reserve": (120, b"x"),
    "EndFlag": (129, b"}\n\n"),
}


def test_round_trip() -> None:
    written = HEADER.write()
    assert len(written) == BYTES
    assert written.startswith(b"{H:0210400000000001HVPS10300000000002HVPS20261124140000XML")
    assert Header.parse(written + b"<body/>") == HEADER


@pytest.mark.parametrize("field", PLACES)
def test_a_broken_field_is_named(field: str) -> None:
    start, bad = PLACES[field]
    written = HEADER.write()
    with pytest.raises(HeaderError, match=f"^{field}:"):
        Header.parse(written[:start] + bad + written[start + len(bad) :])


def test_short_and_foreign_bytes() -> None:
    with pytest.raises(HeaderError, match="131 bytes"):
        Header.parse(HEADER.write()[:-1])
    with pytest.raises(HeaderError, match="byte 5"):
        Header.parse(b"{H:02\xff" + HEADER.write()[6:])


def test_a_text_that_is_too_long() -> None:
    with pytest.raises(HeaderError, match="MesgType: 21 characters, at most 20"):
        Header(**{**vars(HEADER), "message_type": "x" * 21}).write()
