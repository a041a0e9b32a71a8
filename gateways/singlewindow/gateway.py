"""The Single Window gateway: declarants' messages in, documents to customs, replies back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateways.addresses import Addresses
from gateways.client import Institution
from gateways.cursor import Cursor
from gateways.identity import Doorkeeper, Identity
from gateways.process import STOP_SECONDS_MAX, first_failure, start
from gateways.singlewindow import dxp
from gateways.singlewindow.archive import Archive
from gateways.singlewindow.deposit import Depository
from gateways.singlewindow.door import RIGHTS, Door
from gateways.singlewindow.folder import Folder
from gateways.singlewindow.forward import Forwarder
from gateways.singlewindow.intake import Intake
from gateways.singlewindow.replies import Replies
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc

NAME = "singlewindow"
# The codec works outside the interpreter lock.
_CODEC_THREADS = 4


def owners(section: Mapping[str, Any]) -> dict[str, str]:
    """DXP ids and their clients, from `[gateway.singlewindow.transmitters]`.

    A line there says `"code of a company" = "role/name"`. The id of a code that stands nowhere
    belongs to the client that sends under it first.
    """
    found: dict[str, str] = {}
    for code, client in section.get("transmitters", {}).items():
        if not isinstance(client, str) or client.count("/") != 1:
            raise ValueError(
                f"gateway.singlewindow.transmitters.{code}: {client!r} is no role/name"
            )
        found[dxp.user_id(code)] = client
    return found


async def run(data_dir: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Works until `stop` is set."""
    addresses = Addresses.read(data_dir, NAME)
    identity = Identity.read(data_dir, NAME)
    path = data_dir / "gateways" / NAME
    archive = Archive(path / "archive.sqlite", owners(addresses.gateway_section))
    codec = ThreadPoolExecutor(max_workers=_CODEC_THREADS, thread_name_prefix="codec")
    sent, received = Cursor(path / "cursor.json"), Cursor(path / "letters.json")
    async with (
        identity.channel(addresses.engine) as engine,
        identity.channel(addresses.institution) as customs,
    ):
        institution = Institution(customs)
        depository = Depository(engine)
        intake = Intake(archive, depository, codec)
        folder = Folder(path, intake, archive)
        server = identity.server(Doorkeeper(RIGHTS))
        door = Door(intake, archive)
        window_grpc.add_SingleWindowServiceServicer_to_server(door, server)
        replies = Replies(institution, archive, depository, codec, intake.give_way)
        forwarder = Forwarder(engine, institution, codec, intake.give_way)
        address = await start(server, addresses.listen, identity)
        tasks = [
            asyncio.create_task(forwarder.run(sent)),
            asyncio.create_task(replies.run(received)),
            asyncio.create_task(folder.watch()),
        ]
        try:
            ready(address)
            await first_failure(tasks, stop)
        finally:
            await server.stop(STOP_SECONDS_MAX)
            for cursor in (sent, received):
                cursor.save()
            folder.save()
            archive.close()
            codec.shutdown()
