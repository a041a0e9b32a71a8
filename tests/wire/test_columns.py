"""Columns both ways: numpy's bytes are protobuf's bytes, for any rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whampoa import ids
from whampoa.clearing.v1 import clearing_service_pb2 as clearing
from whampoa.columns import Advice, Transfers, ids_of, new_ids
from whampoa.ledger.v1 import ledger_service_pb2 as ledger

ids16 = st.binary(min_size=16, max_size=16)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
rows = st.lists(st.tuples(ids16, u32, u32, u64, u32, ids16, u64), max_size=40)
Row = tuple[bytes, int, int, int, int, bytes, int]


def numbers(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(values, np.uint64)


def columns(listed: list[Row], *, with_holds: bool) -> Transfers:
    return Transfers(
        ids=ids_of([row[0] for row in listed]),
        debit_account=numbers([row[1] for row in listed]),
        credit_account=numbers([row[2] for row in listed]),
        amount_minor=numbers([row[3] for row in listed]),
        code_flags=numbers([row[4] for row in listed]),
        hold_ids=ids_of([row[5] for row in listed]) if with_holds else None,
        expires_at_ms=numbers([row[6] for row in listed]) if with_holds else None,
    )


def message(
    listed: list[Row], request_id: bytes, *, with_holds: bool
) -> ledger.SubmitTransfersRequest:
    request = ledger.SubmitTransfersRequest(request_id=request_id, row_count=len(listed))
    for row in listed:
        high, low = ids.halves(row[0])
        request.id_high.append(high)
        request.id_low.append(low)
        request.debit_account.append(row[1])
        request.credit_account.append(row[2])
        request.amount_minor.append(row[3])
        request.code_flags.append(row[4])
        if with_holds:
            high, low = ids.halves(row[5])
            request.hold_id_high.append(high)
            request.hold_id_low.append(low)
            request.expires_at_ms.append(row[6])
    return request


@given(rows, ids16, st.booleans())
def test_transfers_are_the_bytes_of_protobuf(
    listed: list[Row], request_id: bytes, with_holds: bool
) -> None:
    expected = message(listed, request_id, with_holds=with_holds)
    raw = columns(listed, with_holds=with_holds).encode(request_id)
    assert raw == expected.SerializeToString(deterministic=True)
    assert ledger.SubmitTransfersRequest.FromString(raw) == expected


@given(st.lists(st.tuples(ids16, u64), max_size=40), ids16, ids16, st.integers(-(2**63), 2**63 - 1))
def test_advice_is_the_bytes_of_protobuf(
    listed: list[tuple[bytes, int]], request_id: bytes, remittance_id: bytes, amount_minor: int
) -> None:
    mode = clearing.ALLOCATION_MODE_BY_ORDERS
    expected = clearing.AllocateRequest(
        request_id=request_id,
        remittance_id=remittance_id,
        mode=mode,
        amount_minor=amount_minor,
        row_count=len(listed),
        id_high=[ids.halves(identifier)[0] for identifier, _ in listed],
        id_low=[ids.halves(identifier)[1] for identifier, _ in listed],
        advised_minor=[advised for _, advised in listed],
    )
    advice = Advice(ids_of([one for one, _ in listed]), numbers([two for _, two in listed]))
    raw = advice.encode(request_id, remittance_id, mode, amount_minor)
    assert raw == expected.SerializeToString(deterministic=True)
    assert clearing.AllocateRequest.FromString(raw) == expected


def test_a_full_message_is_the_bytes_of_protobuf() -> None:
    listed = [(ids.uuid7(), at, at + 1, at << 32, at, bytes(16), at) for at in range(8_192)]
    raw = columns(listed, with_holds=False).encode(b"r" * 16)
    assert raw == message(listed, b"r" * 16, with_holds=False).SerializeToString()


def test_new_ids_have_the_layout() -> None:
    made = new_ids(1_000, time_ms=1_795_500_000_123)
    assert len({row.tobytes() for row in made}) == 1_000
    for row in made:
        raw = row.tobytes()
        assert ids.time_ms_of(raw) == 1_795_500_000_123
        assert (raw[6] >> 4, raw[8] >> 6) == (7, 2)


def two(**changed: object) -> Transfers:
    given = {
        "ids": new_ids(2),
        "debit_account": numbers([1, 2]),
        "credit_account": numbers([1, 2]),
        "amount_minor": numbers([1, 2]),
        "code_flags": numbers([1, 2]),
    }
    return Transfers(**{**given, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: two(amount_minor=numbers([1])), "amount_minor: 2 values"),
        (lambda: two(amount_minor=np.array([1, -1])), "amount_minor: from 0 to 184"),
        (lambda: two(debit_account=numbers([1, 2**32])), "debit_account: from 0 to 4294967295"),
        (lambda: two(amount_minor=np.array([1.0, 2.0])), "amount_minor: integers"),
        (lambda: two(hold_ids=new_ids(1)), r"hold_ids: uint8 of shape \(2, 16\)"),
        (lambda: ids_of([b"short"]), "an id has 16 bytes"),
    ],
)
def test_what_does_not_fit_is_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made = make()
        assert isinstance(made, Transfers)
        made.encode(b"r" * 16)
