"""Column messages straight from numpy arrays: transfers and allocation advice as wire bytes.

The bytes are those of protobuf's own encoder, without a Python object for each row. Send them over
a raw method (`channel.unary_unary(SUBMIT_TRANSFERS)`): the generated stubs take messages only.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whampoa.ids import ID_BYTES

ROWS_MAX = 8_192
SUBMIT_TRANSFERS = "/whampoa.ledger.v1.LedgerService/SubmitTransfers"
ALLOCATE = "/whampoa.clearing.v1.ClearingService/Allocate"

# Flags of a transfer, above the 16 bits of its code.
LINKED, PLACE_HOLD, CAPTURE_HOLD, VOID_HOLD, BALANCING_DEBIT = 1, 2, 4, 8, 16

Array = npt.NDArray[np.generic]
_VARINT, _BYTES = 0, 2


@dataclass(frozen=True)
class Transfers:
    """Transfers, one row each; every column has as many values as there are ids."""

    # n ids of 16 bytes (`new_ids`): uint8, shape (n, 16).
    ids: Array
    debit_account: Array
    credit_account: Array
    amount_minor: Array
    # The partner's code, and the flags shifted left by 16.
    code_flags: Array
    # Ids of the holds that rows capture or void, zeros elsewhere; only when a row does.
    hold_ids: Array | None = None
    # Only when a row places a hold.
    expires_at_ms: Array | None = None

    def encode(self, request_id: bytes) -> bytes:
        """A `SubmitTransfersRequest`. Raises `ValueError` naming the column that does not fit."""
        rows = len(self.ids)
        parts = [_bytes(1, request_id), _number(2, rows), *_halves(3, "ids", self.ids, rows)]
        for field, name, width in (
            (5, "debit_account", np.uint32),
            (6, "credit_account", np.uint32),
            (7, "amount_minor", np.uint64),
            (8, "code_flags", np.uint32),
        ):
            parts.append(_column(field, name, getattr(self, name), width, rows))
        if self.hold_ids is not None:
            parts += _halves(9, "hold_ids", self.hold_ids, rows)
        if self.expires_at_ms is not None:
            parts.append(_column(11, "expires_at_ms", self.expires_at_ms, np.uint64, rows))
        return b"".join(parts)


@dataclass(frozen=True)
class Advice:
    """How much of a remittance belongs to each trade, or to each merchant."""

    # Trade ids or merchant party ids: uint8, shape (n, 16).
    ids: Array
    advised_minor: Array

    def encode(
        self, request_id: bytes, remittance_id: bytes, mode: int, amount_minor: int = 0
    ) -> bytes:
        """An `AllocateRequest` of a mode (`AllocationMode`); 0 allocates all of the suspense.

        Raises `ValueError` naming the column that does not fit.
        """
        rows = len(self.ids)
        head = [_bytes(1, request_id), _bytes(2, remittance_id), _number(3, mode)]
        body = [_number(4, amount_minor), _number(5, rows), *_halves(6, "ids", self.ids, rows)]
        advised = _column(8, "advised_minor", self.advised_minor, np.uint64, rows)
        return b"".join([*head, *body, advised])


def new_ids(count: int, time_ms: int | None = None) -> npt.NDArray[np.uint8]:
    """New ids in UUIDv7 layout, all of one millisecond."""
    at_ms = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    ids = np.frombuffer(bytearray(os.urandom(count * ID_BYTES)), np.uint8).reshape(count, ID_BYTES)
    ids[:, :6] = np.frombuffer(at_ms.to_bytes(6, "big"), np.uint8)
    ids[:, 6] = ids[:, 6] & 0x0F | 0x70
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids


def ids_of(identifiers: list[bytes]) -> npt.NDArray[np.uint8]:
    """Known ids as rows. Raises `ValueError` when one has not 16 bytes."""
    wrong = next((one for one in identifiers if len(one) != ID_BYTES), None)
    if wrong is not None:
        raise ValueError(f"an id has {ID_BYTES} bytes, {wrong.hex()!r} has {len(wrong)}")
    return np.frombuffer(b"".join(identifiers), np.uint8).reshape(-1, ID_BYTES)


def _halves(field: int, name: str, ids: Array, rows: int) -> list[bytes]:
    """Two columns: the big-endian halves of the ids as numbers."""
    if ids.dtype != np.uint8 or ids.shape != (rows, ID_BYTES):
        wanted = f"uint8 of shape ({rows}, {ID_BYTES})"
        raise ValueError(f"{name}: {wanted} (got {ids.dtype} of shape {ids.shape})")
    halves = np.ascontiguousarray(ids).view(">u8")
    return [
        _bytes(field, halves[:, 0].astype("<u8").tobytes()),
        _bytes(field + 1, halves[:, 1].astype("<u8").tobytes()),
    ]


def _column(
    field: int, name: str, values: Array, width: type[np.uint32 | np.uint64], rows: int
) -> bytes:
    if values.shape != (rows,):
        raise ValueError(f"{name}: {rows} values (got shape {values.shape})")
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name}: integers (got {values.dtype})")
    highest = int(np.iinfo(width).max)
    if rows and (int(values.min()) < 0 or int(values.max()) > highest):
        bounds = f"{values.min()} to {values.max()}"
        raise ValueError(f"{name}: from 0 to {highest} (got {bounds})")
    return _bytes(field, values.astype(np.dtype(width).newbyteorder("<")).tobytes())


def _bytes(field: int, raw: bytes) -> bytes:
    """Bytes or a packed column; nothing is left out as protobuf does."""
    return _varint(field << 3 | _BYTES) + _varint(len(raw)) + raw if raw else b""


def _number(field: int, value: int) -> bytes:
    """A scalar; zero is left out, a negative one takes ten bytes as int64 does."""
    return _varint(field << 3 | _VARINT) + _varint(value % 2**64) if value else b""


def _varint(value: int) -> bytes:
    raw = bytearray()
    while value > 0x7F:
        raw.append(value & 0x7F | 0x80)
        value >>= 7
    raw.append(value)
    return bytes(raw)
