"""The letters of an institution in order, from a durable sequence number on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateways.client import Institution
from whampoa.institution.v1 import institution_service_pb2 as institution


async def letters(
    source: Institution, from_sequence: int, limit: int = 100
) -> AsyncIterator[institution.CollectResponse]:
    """Batches of letters, for ever; the caller keeps `next_sequence` once a batch is worked off."""
    while True:
        batch = await source.collect(from_sequence, limit)
        if batch.letters:
            yield batch
        from_sequence = max(from_sequence, batch.next_sequence)
