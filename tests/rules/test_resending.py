"""What may be sent again, changed or withdrawn, and what late, stale and repeated documents do."""

from __future__ import annotations

import pytest

from tests.rules.customs import Line, Parcel
from tests.rules.parties import Party
from tests.rules.scenario import Scenario
from whampoa.customs.v1 import customs_service_pb2 as service

VALUE = 10_000


def own(merchant: Party, order_no: str = "1001", **words: object) -> Parcel:
    """A parcel that a merchant files for itself."""
    return Parcel(order_no, merchant.code, merchant.code).but(**words)


DELETE = 3


def test_a_withdrawn_list_verifies_nothing_and_may_come_again(field: Scenario) -> None:
    parcel = own(field.merchant("M"))
    field.export(parcel)
    field.submit(field.withdrawal(parcel))
    assert field.trade(parcel).verified_minor == VALUE, "customs did not agree yet"
    field.submit(field.withdrawal_reply(parcel, -609_000))
    assert field.trade(parcel).verified_minor == VALUE
    field.submit(field.withdrawal(parcel), field.withdrawal_reply(parcel, 399))
    assert (field.trade(parcel).state, field.trade(parcel).verified_minor) == ("declared", 0)
    field.submit(field.list_of(parcel))
    field.release(parcel)
    assert (field.trade(parcel).state, field.trade(parcel).verified_minor) == ("released", VALUE)


@pytest.mark.parametrize("status", [100, -303_001, -604_001])
def test_what_was_rejected_may_be_sent_again_and_changed(field: Scenario, status: int) -> None:
    parcel = own(field.merchant("M"), lines=(Line(cents=1_000),))
    field.declare(parcel)
    field.submit(
        field.order_reply(parcel, status),
        field.waybill_reply(parcel, status),
        field.list_reply(parcel, status),
    )
    changed = parcel.but(lines=(Line(cents=2_000),))
    field.export(changed)
    trade = field.trade(parcel)
    assert (trade.state, trade.verified_minor, trade.declared_minor) == ("released", 2_000, 2_000)


@pytest.mark.parametrize("status", [2, 3, 120, 300, 500, 399, 800, 899])
def test_what_customs_holds_may_not_be_sent_again(field: Scenario, status: int) -> None:
    parcel = own(field.merchant("M"))
    field.declare(parcel)
    field.submit(
        field.order_reply(parcel, status),
        field.waybill_reply(parcel, status),
        field.list_reply(parcel, status),
    )
    again = (field.order_of(parcel), field.waybill_of(parcel), field.list_of(parcel))
    assert field.refuse(*again) == ["STATUS_REFUSES_RESEND"] * 3
    withdrawn = (field.order_of(parcel, DELETE), field.list_of(parcel, DELETE))
    assert field.refuse(*withdrawn) == ["STATUS_REFUSES_RESEND"] * 2


def test_a_draft_and_an_unanswered_order_may_be_changed_and_deleted(field: Scenario) -> None:
    parcel = own(field.merchant("M"))
    assert field.refuse(field.order_of(parcel, DELETE)) == ["UNKNOWN_DOCUMENT"]
    field.submit(field.order_of(parcel, app_status=1))
    assert field.trades(parcel) == [], "a temporary save declares nothing"
    field.submit(field.order_of(parcel.but(lines=(Line(cents=300),))))
    assert field.trade(parcel).declared_minor == 300
    field.submit(field.order_of(parcel.but(lines=(Line(cents=500),)), app_type=2))
    assert field.trade(parcel).declared_minor == 500
    field.submit(field.order_of(parcel, DELETE))
    assert field.trades(parcel) == []
    field.submit(field.order_of(parcel))
    assert field.trade(parcel).declared_minor == VALUE


def test_stale_replies_move_nothing_back(field: Scenario) -> None:
    parcel = own(field.merchant("M"))
    early = field.stamp(milliseconds=True)
    field.later(hours=1)
    field.export(parcel)
    stale = (
        field.order_reply(parcel, 100, early),
        field.waybill_reply(parcel, 100, early),
        field.list_reply(parcel, 399, early),
    )
    assert field.refuse(*stale) == ["STALE_REPLY"] * 3
    assert field.trade(parcel).state == "released"


def test_a_late_reply_to_what_was_sent_before_does_not_answer_what_was_sent_again(
    field: Scenario,
) -> None:
    parcel = own(field.merchant("M"))
    field.declare(parcel)
    early = field.stamp(milliseconds=True)
    field.later(hours=1)
    field.submit(
        field.order_reply(parcel, 100),
        field.waybill_reply(parcel, 100),
        field.list_reply(parcel, 100),
    )
    field.later(hours=1)
    field.declare(parcel)
    late = (
        field.order_reply(parcel, 120, early),
        field.waybill_reply(parcel, 120, early),
        field.list_reply(parcel, 800, early),
    )
    assert field.refuse(*late) == ["STALE_REPLY"] * 3
    field.approve(parcel, 800)
    assert field.trade(parcel).verified_minor == VALUE


def test_replies_to_what_was_never_declared_are_refused(field: Scenario) -> None:
    parcel = own(field.merchant("M"))
    replies = (
        field.order_reply(parcel, 120),
        field.waybill_reply(parcel, 120),
        field.list_reply(parcel, 120),
        field.withdrawal(parcel),
    )
    assert field.refuse(*replies) == ["UNKNOWN_DOCUMENT"] * 4


def test_the_same_document_twice_is_one_and_another_under_its_id_is_refused(
    field: Scenario,
) -> None:
    parcel = own(field.merchant("M"))
    document = field.order_of(parcel)
    field.submit(document)
    again = field.tell(service.SubmitDocumentsRequest(documents=[document]))
    assert (again.accepted, again.exceptions[0].repeated) == (0, True)
    document.order.order_no = "9"
    assert field.refuse(document) == ["DOCUMENT_EXISTS_DIFFERENT"]


def test_refused_documents_leave_nothing_and_the_others_go_on(field: Scenario) -> None:
    merchant = field.merchant("M")
    good, bad = own(merchant, "1"), own(merchant, "2", lines=(Line(cents=0),))
    request = service.SubmitDocumentsRequest(
        documents=[field.order_of(bad), field.order_of(good), field.list_of(bad)]
    )
    reply = field.tell(request)
    assert reply.accepted == 1
    assert [exception.ordinal for exception in reply.exceptions] == [0, 2]
    assert len(field.trades()) == 1
