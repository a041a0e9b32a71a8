"""Messages as plain values."""

from __future__ import annotations

from whampoa.cli.plain import moment, place, plain
from whampoa.evidence.v1.evidence_service_pb2 import Law, Step, TraceResponse
from whampoa.money.v1.money_pb2 import Position
from whampoa.money.v1.rejection_pb2 import Refusal, Rejection
from whampoa.query.v1.query_service_pb2 import GetSummaryResponse, PartyView


def test_every_field_has_a_value_that_json_knows() -> None:
    step = Step(position=Position(log="l", index=1, row=2), time_ms=5, grant_index=2**32 - 1)
    found = plain(TraceResponse(steps=[step], missing=["a"]))
    assert found["steps"][0]["position"] == {"log": "l", "index": 1, "row": 2}
    assert found["steps"][0]["previous"] is None
    assert (found["complete"], found["missing"]) == (False, ["a"])
    assert plain(PartyView(party_id=b"\x01\xff"))["party_id"] == "01ff"
    refusal = Refusal(code=Rejection.REJECTION_NO_ROOM)
    assert plain(refusal)["code"] == "REJECTION_NO_ROOM"
    assert plain(GetSummaryResponse(counts={"b": 2, "a": 1}))["counts"] == {"a": 1, "b": 2}
    assert plain(Law(number=1, holds=True)) == {"number": 1, "holds": True, "text": ""}


def test_places_and_moments_in_a_line() -> None:
    assert place(Position(log="l", index=12, row=3)) == "12:3"
    assert moment(1_700_000_000_007) == "2023-11-14 22:13:20.007"
