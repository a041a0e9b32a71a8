"""Who trades in the made-up world and what they sell: parties, relations, parcels, mishaps."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from bench.documents import codes

USD, CNY = "502", "142"
# Customs numbers of the destinations: United States, Germany, Japan, Great Britain, France.
_COUNTRIES = ("502", "304", "116", "303", "305")
_E5 = 100_000


@dataclass(frozen=True)
class Company:
    """A party: its credit code, and the customs code under which it files."""

    number: int
    name: str
    uscc: str
    customs_code: str


@dataclass(frozen=True)
class Platform:
    """Where it was sold; a foreign platform has the code 无."""

    code: str
    name: str


@dataclass(frozen=True)
class Goods:
    """One kind of goods: tariff code, name, unit code, price range in cents."""

    gcode: str
    name: str
    unit: str
    least: int
    most: int


@dataclass(frozen=True)
class Line:
    """One line of an order and of its list; amounts in cents, exact."""

    gnum: int
    item_no: str
    goods: Goods
    qty: int
    price: int

    @property
    def total(self) -> int:
        return self.qty * self.price


@dataclass(frozen=True)
class Parcel:
    """One order, its waybill and its list."""

    number: int
    merchant: Company
    declarant: Company
    platform: Platform
    order_no: str
    # Who stands as consignor and as owner in the documents.
    consignor: tuple[str, str]
    owner: tuple[str, str]
    carrier: Company
    waybill_no: str
    cop_no: str
    currency: str
    country: str
    lines: tuple[Line, ...]
    mishap: str = ""

    @property
    def value(self) -> int:
        return sum(line.total for line in self.lines)


@dataclass
class World:
    """Everything that is generated; the same seed and sizes give the same world."""

    enterprises: list[Company]
    declarants: list[Company]
    merchants: list[Company]
    carriers: list[Company]
    platforms: list[Platform]
    parcels: list[Parcel]
    # Merchant number → the declarants it entrusts, and its service enterprise.
    entrusted: dict[int, list[Company]] = field(default_factory=dict)
    served_by: dict[int, Company] = field(default_factory=dict)

    def evidence_of(self, merchant: Company) -> str:
        """How the genuine merchant of a parcel is known: item, shop, owner or consignor."""
        return _EVIDENCE[merchant.number % len(_EVIDENCE)]


_EVIDENCE = ("item", "shop", "owner", "consignor")
GOODS = (
    Goods("6109100010", "棉制针织T恤衫", "011", 450, 1990),
    Goods("6204620090", "棉制女式长裤", "015", 990, 3990),
    Goods("6402992900", "橡胶底运动鞋", "025", 1490, 6990),
    Goods("4202220000", "塑料面手提包", "007", 790, 4990),
    Goods("9503006000", "智力玩具", "006", 590, 2990),
    Goods("8517130090", "智能手机", "001", 9900, 29900),
    Goods("8518300000", "耳机", "001", 690, 5990),
    Goods("9405210090", "LED台灯", "001", 890, 3990),
    Goods("3926909090", "塑料制手机壳", "007", 190, 990),
    Goods("7117190000", "贱金属仿首饰", "007", 290, 1990),
)
# Platform codes; the last two are foreign and have none.
_PLATFORMS = (
    Platform("1105910159", "广州外贸商城"),
    Platform("4403961234", "珠江跨境平台"),
    Platform("无", "Bargain Harbor"),
    Platform("无", "Nordic Bazaar"),
)
ENTERPRISES, DECLARANTS, MERCHANTS, CARRIERS = 3, 8, 200, 2


def build(seed: int, trades: int, merchants: int = MERCHANTS, *, mishaps: bool = True) -> World:
    """A world of `trades` parcels. Numbers name its parties, so ids can be derived from them."""
    chance = random.Random(seed)
    enterprises = [_company(1 + n, f"穗通综合服务{n + 1}号有限公司") for n in range(ENTERPRISES)]
    declarants = [_company(101 + n, f"穗报关{n + 1}行有限公司") for n in range(DECLARANTS)]
    carriers = [_company(201 + n, f"南方国际物流{n + 1}部") for n in range(CARRIERS)]
    sellers = [_company(1000 + n, f"广州小商户{n + 1:03d}号商行") for n in range(merchants)]
    world = World(enterprises, declarants, sellers, carriers, list(_PLATFORMS), [])
    for at, seller in enumerate(sellers):
        first = at % DECLARANTS
        world.entrusted[seller.number] = [declarants[first], declarants[(first + 3) % DECLARANTS]]
        world.served_by[seller.number] = enterprises[at % ENTERPRISES]
    world.parcels = [_parcel(chance, world, seed, number) for number in range(trades)]
    if mishaps:
        _befall(world)
    return world


def item_prefix(merchant: Company) -> str:
    """Items of a merchant begin so."""
    return f"I{merchant.number}-"


def shop_prefix(merchant: Company) -> str:
    """Orders of a merchant's shop begin so."""
    return f"S{merchant.number}-"


def shop_platform(world: World, merchant: Company) -> Platform:
    """The platform on which a merchant has its shop: one that has a code."""
    return world.platforms[merchant.number % 2]


def _company(number: int, name: str) -> Company:
    return Company(number, name, codes.uscc(number), codes.customs_code(number))


def _parcel(chance: random.Random, world: World, seed: int, number: int) -> Parcel:
    merchant = world.merchants[number % len(world.merchants)]
    declarant = chance.choice(world.entrusted[merchant.number])
    evidence = world.evidence_of(merchant)
    on_shop = evidence == "shop"
    platform = shop_platform(world, merchant) if on_shop else chance.choice(world.platforms)
    serial = f"{seed % 1000:03d}{number:07d}"
    order_no = f"{shop_prefix(merchant)}{serial}" if on_shop else f"W{serial}"
    agent = (declarant.customs_code, declarant.name)
    owner = (merchant.uscc, merchant.name) if evidence == "owner" else ("NO", merchant.name)
    return Parcel(
        number=number,
        merchant=merchant,
        declarant=declarant,
        platform=platform,
        order_no=order_no,
        consignor=(merchant.uscc, merchant.name) if evidence == "consignor" else agent,
        owner=owner,
        carrier=world.carriers[number % len(world.carriers)],
        waybill_no=f"GZ{serial}CN",
        cop_no=f"{declarant.customs_code}{serial}",
        currency=USD,
        country=chance.choice(_COUNTRIES),
        lines=tuple(_line(chance, merchant, gnum + 1) for gnum in range(chance.randint(1, 3))),
    )


def _line(chance: random.Random, merchant: Company, gnum: int) -> Line:
    goods = chance.choice(GOODS)
    item = f"{item_prefix(merchant)}{goods.gcode[:4]}{chance.randint(10, 99)}"
    return Line(gnum, item, goods, chance.randint(1, 3), chance.randint(goods.least, goods.most))


def _befall(world: World) -> None:
    """Gives a few parcels what goes wrong in the field."""
    parcels = world.parcels
    if len(parcels) < 2 * len(world.merchants):
        return
    waybill_of_another = _of_evidence(world, "item", 0)
    robbed = _of_evidence(world, "item", 1)
    _change(world, waybill_of_another, mishap="mismatched", waybill_no=parcels[robbed].waybill_no)
    _change(world, robbed, mishap="robbed")
    _change(world, _of_evidence(world, "item", 2), mishap="two_agents")
    _change(world, _of_evidence(world, "owner", 0), mishap="rejected")
    _change(world, _of_evidence(world, "owner", 1), mishap="unreleased")
    _mix(world, _of_evidence(world, "item", 3))
    for nth in range(4, 10):
        _change(world, _of_evidence(world, "item", nth), mishap="in_cny", currency=CNY)


def _of_evidence(world: World, evidence: str, nth: int) -> int:
    """The nth parcel whose merchant is known by this evidence."""
    found = (
        at
        for at, parcel in enumerate(world.parcels)
        if world.evidence_of(parcel.merchant) == evidence
    )
    return next(at for count, at in enumerate(found) if count == nth)


def _change(world: World, at: int, **changes: object) -> None:
    world.parcels[at] = replace(world.parcels[at], **changes)  # type: ignore[arg-type]


def _mix(world: World, at: int) -> None:
    """Puts goods of another merchant into the same order."""
    parcel = world.parcels[at]
    declarant = parcel.declarant
    others = (
        other
        for other in world.merchants
        if other.number != parcel.merchant.number
        and world.evidence_of(other) == "item"
        and declarant in world.entrusted[other.number]
    )
    other = next(others)
    first = parcel.lines[0]
    second = replace(first, gnum=2, item_no=f"{item_prefix(other)}{first.goods.gcode[:4]}77")
    _change(world, at, lines=(first, second), mishap="two_merchants")
