"""Aggregation: released lists become items of customs declarations, told item by item (792)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateways.singlewindow import status
from gateways.singlewindow.entry import Row, sum_no
from gateways.singlewindow.value import write_e5
from whampoa.customs.v1 import document_pb2 as documents

# A declaration has at most so many items.
ITEMS_MAX = 50
# State of a declaration that was accepted: a profile parameter.
_ACCEPTED = "1"


@dataclass
class _Item:
    """List lines of one commodity, currency and destination."""

    rows: list[tuple[Row, int, str]] = field(default_factory=list)


def results(
    connection: sqlite3.Connection, request: documents.Aggregation, told: Row
) -> Iterator[dict[str, object]]:
    """The declarations made of the lists that a request names, without guid and time."""
    items: dict[tuple[str, str, str], _Item] = {}
    for listed in _lists(connection, request):
        for gnum, _, currency, _, gcode, country in json.loads(listed["lines"]):
            item = items.setdefault((gcode, currency, country), _Item())
            item.rows.append((listed, gnum, gcode))
    parts = list(_declarations(list(items.values())))
    for at, part in enumerate(parts, start=1):
        yield _result(request, told, part, at)


def _declarations(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), ITEMS_MAX):
        yield items[start : start + ITEMS_MAX]


def _lists(connection: sqlite3.Connection, request: documents.Aggregation) -> Iterator[Row]:
    """Released lists for aggregate declaration; a number of no such list is passed over."""
    for invt_no in dict.fromkeys(request.invt_nos):
        found = connection.execute(
            "SELECT * FROM lists WHERE invt_no = ? AND invt_no <> '' AND withdrawn = 0", (invt_no,)
        ).fetchone()
        if found is not None and status.is_released(found["status"]):
            yield dict(found)


def _result(
    request: documents.Aggregation, told: Row, items: Sequence[_Item], at: int
) -> dict[str, object]:
    lists = {row["number"]: row for item in items for row, _, _ in item.rows}
    aggregate = sum_no(told)
    number = f"{aggregate[1:9]}{told['number']:07d}{at:02d}"
    rows = [
        {
            "invtNo": row["invt_no"],
            "logisticsNo": row["logistics_no"],
            "gseqno": str(gseqno),
            "gnum": str(gnum),
            "gcode": gcode,
        }
        for gseqno, item in enumerate(items, start=1)
        for row, gnum, gcode in item.rows
    ]
    return {
        "customsCode": request.customs_code,
        "sumNo": aggregate,
        "declSeqNo": f"D{number}",
        "entryId": f"E{number}",
        "decState": _ACCEPTED,
        "agentCode": request.agent_code,
        "agentName": request.agent_code,
        "ebcCode": request.ebc_code,
        "ebcName": request.ebc_name,
        "declAgentCode": request.decl_agent_code,
        "declAgentName": request.decl_agent_code,
        "grossWeight": write_e5(sum(row["gross_e5"] for row in lists.values())),
        "netWeight": write_e5(sum(row["net_e5"] for row in lists.values())),
        "msgCount": "1",
        "msgSeqNo": "1",
        "rows": rows,
    }
