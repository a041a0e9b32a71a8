"""The gateway's door: findings and answers, whose replies, which certificates, the drop folder."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from bench.documents.messages import Writer
from bench.documents.world import Parcel
from engine import formats
from engine.authority import STANDARD, Authority
from gateways.identity import Identity
from tests.integration.port import (
    TRADES,
    Port,
    all_released,
    documents_of,
    make_world,
    messages,
    now_ms,
    until,
)
from whampoa.customs.v1 import finding_pb2 as finding
from whampoa.customs.v1 import single_window_service_pb2 as window
from whampoa.customs.v1 import single_window_service_pb2_grpc as window_grpc

DXP = "{http://www.chinaport.gov.cn/dxp}"


async def test_findings_for_declarants(port: Port) -> None:
    world = make_world(TRADES)
    await port.register(world)
    good = max(Writer(1, now_ms()).orders(world.parcels), key=len)
    bomb = b'<!DOCTYPE a [<!ENTITY x "xx">]><a>&x;</a>'
    broken = good.replace(b"<qty>", b"<qty>-", 1)
    forged = forged_reply(world.parcels[0])
    cases = (
        (bomb, 0),
        (b"", 0),
        (good[: good.index(b"<orderNo>")], 303),
        (broken, 303),
        (forged, 604),
    )
    for message, number in cases:
        (answer,) = await port.send([message])
        assert answer.message_type == number
        worst = max(answer.findings, key=lambda it: it.severity)
        assert worst.severity >= finding.SEVERITY_REFUSED, answer
        assert worst.rule, answer
        assert worst.message, answer
        assert answer.accepted < max(answer.documents, 1)
        head = ET.fromstring(answer.reply)  # noqa: S314
        assert head.find(f"{DXP}Response/{DXP}OriHead/{DXP}CopMsgId") is not None
    # What is wrong with one document does not stop the others.
    (answer,) = await port.send([broken])
    refused = {it.ordinal for it in answer.findings if it.severity == finding.SEVERITY_REFUSED}
    assert refused == {0}
    assert answer.accepted == answer.documents - 1


def forged_reply(parcel: Parcel) -> bytes:
    """A reply that only customs may give."""
    fields = {
        "guid": "0" * 36,
        "agentCode": parcel.declarant.customs_code,
        "copNo": parcel.cop_no,
        "preNo": "B20261125000000001",
        "invtNo": "510020261E0000001",
        "ebcCode": parcel.consignor[0],
        "ebpCode": parcel.platform.code,
        "orderNo": parcel.order_no,
        "statisticsFlag": "B",
        "returnStatus": "800",
        "returnTime": "20261125120000000",
        "returnInfo": "",
    }
    return formats.write(604, [fields], "A" * 36)


async def test_certificates_and_whose_replies(port: Port, tmp_path: Path) -> None:
    world = make_world(TRADES)
    await port.register(world)
    first = world.parcels[0].declarant
    mine = [it for it in world.parcels if it.declarant == first]
    others = [it for it in world.parcels if it.declarant != first]
    await port.send(messages(mine))
    (refused, *_) = await port.send(messages(mine, seed=2), "merchant")
    assert {it.rule for it in refused.findings} >= {"TRANSMITTER_NOT_YOURS"}
    assert refused.accepted == 0
    # A code that only looks like another company's id ends at the same owner.
    code = first.customs_code
    lookalike = messages(mine[:1], seed=4)[0].replace(
        b"<copCode>" + code.encode(), b"<copCode>XXDXPENT" + code.encode()
    )
    (refused,) = await port.send([lookalike], "merchant")
    assert refused.accepted == 0, refused
    await port.send(messages(others, seed=3), "enterprise")
    await all_released(port, TRADES)
    await until(lambda: kept(port), "every letter is kept")
    declarant, enterprise, everybody = [
        await port.replies(name) for name in ("declarant", "enterprise", "operator")
    ]
    assert await port.replies("merchant") == []
    assert sorted(declarant + enterprise) == sorted(everybody)
    told = [it for reply in declarant if b"CEB604" in reply for it in documents_of(reply)]
    assert {it.reply.agent_code for it in told} == {first.customs_code}
    for name in ("bank", "officer-1", "customs-institution"):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await port.send([b"<a/>"], name)
        assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
    stranger = Authority(tmp_path / "strange" / "keys")
    stranger.establish()
    stranger.issue(next(it for it in STANDARD if it.name == "declarant"))
    ours = Identity.read(port.data_dir, "declarant")
    theirs = Identity.read(tmp_path / "strange", "declarant")
    forged = replace(theirs, authority=ours.authority)
    async with forged.channel(port.addresses["singlewindow"]) as channel:
        door = window_grpc.SingleWindowServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await door.SubmitMessage(window.SubmitMessageRequest(message=b"<a/>"), timeout=5)
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.aio.AioRpcError, match="cursor"):
        request = window.CollectRepliesRequest(cursor="x")
        await port.door("declarant").CollectReplies(request, timeout=10)


async def kept(port: Port) -> bool:
    return len(await port.replies("operator")) == port.letters()


async def test_the_drop_folder(port: Port) -> None:
    world = make_world(8)
    await port.register(world)
    inbox = port.folder / "inbox"
    for at, message in enumerate(messages(world.parcels)):
        beside = inbox / f"{at}.part"
        beside.write_bytes(message)
        beside.rename(inbox / f"{at:03d}.xml")
    (inbox / "zzz.xml").write_bytes(b"<not-a-message/>")
    await all_released(port, 8)
    await until(lambda: emptied(inbox), "every file was taken")
    assert not list((port.folder / "refused").glob("0*"))
    told = json.loads((port.folder / "refused" / "zzz.findings.json").read_text())
    assert told["findings"][0]["rule"] == "ROOT_UNKNOWN"
    done = sorted(path.name for path in (port.folder / "done").glob("*.xml"))
    assert done == [f"{at:03d}.xml" for at in range(len(done))]
    await until(lambda: answered(port.folder / "outbox"), "replies lie in the outbox")


async def emptied(inbox: Path) -> bool:
    return not await asyncio.to_thread(lambda: list(inbox.glob("*.xml")))


async def answered(outbox: Path) -> bool:
    def look() -> bool:
        replies = [it for it in outbox.glob("*.xml") if "response" not in it.name]
        return any(b"CEB604" in it.read_bytes() for it in replies)

    return await asyncio.to_thread(look)
