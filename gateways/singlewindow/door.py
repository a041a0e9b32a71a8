"""The gateway's door for declarants: SingleWindowService, open to the roles of one table."""

from __future__ import annotations

import grpc

from gateways.identity import Context, peer
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.intake import OPERATOR, Busy, Intake
from whampoa.customs.v1 import single_window_service_pb2 as window
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc

_SERVICE = "/whampoa.customs.v1.SingleWindowService/"
_CLIENTS = frozenset({"declarant", "service-enterprise", "merchant", OPERATOR})
RIGHTS: dict[str, frozenset[str]] = {
    f"{_SERVICE}SubmitMessage": _CLIENTS,
    f"{_SERVICE}CollectReplies": _CLIENTS,
}
_REPLIES_MAX = 100
# Replies of one answer stay well below the limit of a gRPC message.
_REPLY_BYTES_MAX = 8 << 20


class Door(window_grpc.SingleWindowServiceServicer):
    """Takes messages and hands out replies: to a client its own, to an operator all."""

    def __init__(self, intake: Intake, archive: Archive) -> None:
        self._intake = intake
        self._archive = archive

    async def SubmitMessage(
        self, request: window.SubmitMessageRequest, context: Context
    ) -> window.SubmitMessageResponse:
        try:
            return await self._intake.take(request.message, "/".join(peer(context)))
        except Busy as failure:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(failure))
            raise

    async def CollectReplies(
        self, request: window.CollectRepliesRequest, context: Context
    ) -> window.CollectRepliesResponse:
        after = 0
        if request.cursor:
            if not request.cursor.isascii() or not request.cursor.isdigit():
                text = f"cursor: {request.cursor[:32]!r} was not given by this gateway"
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
            after = min(int(request.cursor[:20]), 2**63 - 1)
        role, name = peer(context)
        receivers = None
        if role != OPERATOR:
            receivers = self._archive.receivers_of(f"{role}/{name}")
        limit = min(request.limit or _REPLIES_MAX, _REPLIES_MAX)
        response = window.CollectRepliesResponse(next_cursor=request.cursor)
        size = 0
        for sequence, message in await self._archive.replies(receivers, after, limit):
            size += len(message)
            if response.replies and size > _REPLY_BYTES_MAX:
                break
            response.replies.append(message)
            response.next_cursor = str(sequence)
        return response
