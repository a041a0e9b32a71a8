"""Writes parcels as CEB messages: 303, 505, 603, 509 and 701, up to 100 documents each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import islice

from bench.documents import codes
from bench.documents.world import Company, Parcel

DOCUMENTS_PER_MESSAGE = 100
_NAMESPACE = "http://www.chinaport.gov.cn/ceb"
_PORT = "5100"


class Writer:
    """Writes messages of one run; guids come from the seed."""

    def __init__(self, seed: int, time_ms: int) -> None:
        self._chance = random.Random(seed)
        self._time = codes.china_time(time_ms)

    def orders(self, parcels: Iterable[Parcel]) -> Iterator[bytes]:
        """CEB303 messages."""
        return self._messages(303, parcels, self._order)

    def waybills(self, parcels: Iterable[Parcel]) -> Iterator[bytes]:
        """CEB505 messages."""
        return self._messages(505, parcels, self._waybill)

    def lists(self, parcels: Iterable[Parcel]) -> Iterator[bytes]:
        """CEB603 messages."""
        return self._messages(603, parcels, self._list)

    def departure(self, carrier: Company, cop_no: str, waybill_nos: Sequence[str]) -> bytes:
        """One CEB509 message."""
        rows = "".join(
            f"<DepartureList><gnum>{at}</gnum><logisticsNo>{number}</logisticsNo></DepartureList>"
            for at, number in enumerate(waybill_nos, 1)
        )
        document = (
            f"<Departure><DepartureHead>{self._application()}"
            f"<customsCode>{_PORT}</customsCode><copNo>{cop_no}</copNo>"
            f"<logisticsCode>{carrier.customs_code}</logisticsCode>"
            f"<logisticsName>{carrier.name}</logisticsName><trafMode>5</trafMode>"
            f"<trafName>CZ3081</trafName><voyageNo>CZ3081</voyageNo><billNo>78412345675</billNo>"
            f"<leaveTime>{self._time}</leaveTime><msgCount>1</msgCount><msgSeqNo>1</msgSeqNo>"
            f"</DepartureHead>{rows}</Departure>"
        )
        return self._message(509, [document], carrier)

    def aggregation(self, declarant: Company, cop_no: str, invt_nos: Sequence[str]) -> bytes:
        """One CEB701 message."""
        rows = "".join(
            f"<SummaryApplyList><invtNo>{number}</invtNo></SummaryApplyList>" for number in invt_nos
        )
        code, name = declarant.customs_code, declarant.name
        document = (
            f"<SummaryApply><SummaryApplyHead>{self._application()}"
            f"<customsCode>{_PORT}</customsCode><copNo>{cop_no}</copNo>"
            f"<agentCode>{code}</agentCode><agentName>{name}</agentName>"
            f"<ebcCode>{code}</ebcCode><ebcName>{name}</ebcName>"
            f"<declAgentCode>{code}</declAgentCode><declAgentName>{name}</declAgentName>"
            f"<summaryFlag>1</summaryFlag><itemNameFlag>1</itemNameFlag>"
            f"<msgCount>1</msgCount><msgSeqNo>1</msgSeqNo>"
            f"</SummaryApplyHead>{rows}</SummaryApply>"
        )
        return self._message(701, [document], declarant)

    def _messages(
        self, number: int, parcels: Iterable[Parcel], write: Callable[[Parcel], str]
    ) -> Iterator[bytes]:
        """Messages of one declarant each, in the order of the parcels."""
        by_declarant: dict[int, list[Parcel]] = {}
        for parcel in parcels:
            by_declarant.setdefault(parcel.declarant.number, []).append(parcel)
        for same in by_declarant.values():
            waiting = iter(same)
            while batch := list(islice(waiting, DOCUMENTS_PER_MESSAGE)):
                documents = [write(parcel) for parcel in batch]
                yield self._message(number, documents, batch[0].declarant)

    def _message(self, number: int, documents: list[str], sender: Company) -> bytes:
        root = f"CEB{number}Message"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>'
            f'<{root} guid="{codes.guid(self._chance)}" version="1.0" xmlns="{_NAMESPACE}">'
            f"{''.join(documents)}"
            f"<BaseTransfer><copCode>{sender.customs_code}</copCode><copName>{sender.name}</copName>"
            f"<dxpMode>DXP</dxpMode><dxpId>DXPENT{sender.customs_code}</dxpId></BaseTransfer>"
            f"</{root}>"
        ).encode()

    def _application(self) -> str:
        return (
            f"<guid>{codes.guid(self._chance)}</guid><appType>1</appType>"
            f"<appTime>{self._time}</appTime><appStatus>2</appStatus>"
        )

    def _order(self, parcel: Parcel) -> str:
        code, name = parcel.consignor
        lines = "".join(
            f"<OrderList><gnum>{line.gnum}</gnum><itemNo>{line.item_no}</itemNo>"
            f"<itemName>{line.goods.name}</itemName><unit>{line.goods.unit}</unit>"
            f"<currency>{parcel.currency}</currency><qty>{line.qty}</qty>"
            f"<price>{_money(line.price)}</price><totalPrice>{_money(line.total)}</totalPrice>"
            f"</OrderList>"
            for line in parcel.lines
        )
        return (
            f"<Order><OrderHead>{self._application()}<orderType>E</orderType>"
            f"<orderNo>{parcel.order_no}</orderNo><ebpCode>{parcel.platform.code}</ebpCode>"
            f"<ebpName>{escape(parcel.platform.name)}</ebpName>"
            f"<ebcCode>{code}</ebcCode><ebcName>{name}</ebcName>"
            f"<goodsValue>{_money(parcel.value)}</goodsValue><freight>0</freight>"
            f"<currency>{parcel.currency}</currency></OrderHead>{lines}</Order>"
        )

    def _waybill(self, parcel: Parcel) -> str:
        code, name = parcel.consignor
        return (
            f"<Logistics>{self._application()}"
            f"<logisticsCode>{parcel.carrier.customs_code}</logisticsCode>"
            f"<logisticsName>{parcel.carrier.name}</logisticsName>"
            f"<logisticsNo>{parcel.waybill_no}</logisticsNo><freight>0</freight>"
            f"<insuredFee>0</insuredFee><currency>{parcel.currency}</currency>"
            f"<grossWeight>{_weight(parcel)}</grossWeight><packNo>1</packNo>"
            f"<goodsInfo>{parcel.lines[0].goods.name}</goodsInfo>"
            f"<ebcCode>{code}</ebcCode><ebcName>{name}</ebcName></Logistics>"
        )

    def _list(self, parcel: Parcel) -> str:
        agent, (code, name) = parcel.declarant, parcel.consignor
        lines = "".join(_list_line(parcel, at) for at in range(len(parcel.lines)))
        return (
            f"<Inventory><InventoryHead>{self._application()}<customsCode>{_PORT}</customsCode>"
            f"<ebpCode>{parcel.platform.code}</ebpCode>"
            f"<ebpName>{escape(parcel.platform.name)}</ebpName>"
            f"<orderNo>{parcel.order_no}</orderNo>"
            f"<logisticsCode>{parcel.carrier.customs_code}</logisticsCode>"
            f"<logisticsName>{parcel.carrier.name}</logisticsName>"
            f"<logisticsNo>{parcel.waybill_no}</logisticsNo><copNo>{parcel.cop_no}</copNo>"
            f"<ieFlag>E</ieFlag><portCode>{_PORT}</portCode><ieDate>{self._time[:8]}</ieDate>"
            f"<statisticsFlag>B</statisticsFlag>"
            f"<agentCode>{agent.customs_code}</agentCode><agentName>{agent.name}</agentName>"
            f"<ebcCode>{code}</ebcCode><ebcName>{name}</ebcName>"
            f"<ownerCode>{parcel.owner[0]}</ownerCode><ownerName>{parcel.owner[1]}</ownerName>"
            f"<tradeMode>9610</tradeMode><trafMode>5</trafMode>"
            f"<country>{parcel.country}</country><POD>{parcel.country}</POD>"
            f"<freight>0</freight><fCurrency>{parcel.currency}</fCurrency><fFlag>3</fFlag>"
            f"<insuredFee>0</insuredFee><iCurrency>{parcel.currency}</iCurrency><iFlag>3</iFlag>"
            f"<wrapType>2</wrapType><packNo>1</packNo><grossWeight>{_weight(parcel)}</grossWeight>"
            f"<netWeight>{_net_weight(parcel)}</netWeight></InventoryHead>{lines}</Inventory>"
        )


def _list_line(parcel: Parcel, at: int) -> str:
    line = parcel.lines[at]
    goods = line.goods
    return (
        f"<InventoryList><gnum>{line.gnum}</gnum><itemNo>{line.item_no}</itemNo>"
        f"<itemName>{goods.name}</itemName><gcode>{goods.gcode}</gcode><gname>{goods.name}</gname>"
        f"<gmodel>零售|无品牌</gmodel><barCode>无</barCode><country>{parcel.country}</country>"
        f"<currency>{parcel.currency}</currency><qty>{line.qty}</qty><qty1>{line.qty}</qty1>"
        f"<unit>{goods.unit}</unit><unit1>{goods.unit}</unit1>"
        f"<price>{_money(line.price)}</price><totalPrice>{_money(line.total)}</totalPrice>"
        f"</InventoryList>"
    )


def _money(cents: int) -> str:
    """Cents in whole units, exactly."""
    return f"{cents // 100}.{cents % 100:02d}"


def _net_weight(parcel: Parcel) -> str:
    """A fifth of a kilogram a piece."""
    pieces = sum(line.qty for line in parcel.lines)
    return f"{pieces // 5}.{pieces % 5 * 2}"


def _weight(parcel: Parcel) -> str:
    """The pieces and a tenth of a kilogram of wrapping."""
    pieces = sum(line.qty for line in parcel.lines)
    return f"{pieces // 5}.{pieces % 5 * 2 + 1}"
