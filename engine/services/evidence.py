"""Traces, proofs, outcomes and status, straight from the core."""

from __future__ import annotations

from typing import Any

import grpc

from engine import faults
from engine.bridge import Bridge, Fault
from engine.projections.follower import ProjectionFollower
from whampoa.evidence.v1 import evidence_service_pb2 as evidence
from whampoa.evidence.v1 import evidence_service_pb2_grpc as evidence_grpc
from whampoa.ids import ID_BYTES

Context = grpc.aio.ServicerContext[Any, Any]


class EvidenceService(evidence_grpc.EvidenceServiceServicer):
    """Reads that need the journal."""

    def __init__(
        self, bridge: Bridge, follower: ProjectionFollower, log: str, started_at_ms: int
    ) -> None:
        self._bridge = bridge
        self._log = log
        self._follower = follower
        self._started_at_ms = started_at_ms

    async def Trace(
        self, request: evidence.TraceRequest, context: Context
    ) -> evidence.TraceResponse:
        await _check_id(context, "subject_id", request.subject_id)
        return evidence.TraceResponse.FromString(await self._bridge.trace(request.subject_id))

    async def GetProof(
        self, request: evidence.GetProofRequest, context: Context
    ) -> evidence.GetProofResponse:
        position, target = request.position, request.WhichOneof("target")
        if target == "subject_id":
            await _check_id(context, "subject_id", request.subject_id)
        elif target is None:
            await faults.refuse_argument(context, "target", "a subject or a position", None)
        elif position.log not in ("", self._log):
            await faults.refuse_argument(
                context, "position.log", f"this is {self._log}", position.log
            )
        try:
            proof = await self._bridge.proof(request.subject_id, position.index, position.row)
        except Fault as fault:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(fault))
        return evidence.GetProofResponse(proof=proof)

    async def GetOutcome(
        self, request: evidence.GetOutcomeRequest, context: Context
    ) -> evidence.GetOutcomeResponse:
        await _check_id(context, "request_id", request.request_id)
        raw = await self._bridge.outcome(request.request_id)
        return evidence.GetOutcomeResponse.FromString(raw)

    async def GetStatus(
        self, request: evidence.GetStatusRequest, context: Context
    ) -> evidence.GetStatusResponse:
        del request, context
        status = evidence.GetStatusResponse.FromString(await self._bridge.status())
        status.projected_index = max(0, self._follower.next_index - 1)
        status.started_at_ms = self._started_at_ms
        return status


async def _check_id(context: Context, field: str, value: bytes) -> None:
    if len(value) != ID_BYTES:
        await faults.refuse_argument(context, field, f"{ID_BYTES} bytes", value.hex())
