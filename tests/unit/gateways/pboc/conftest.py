"""Golden messages, payments and a centre with two participants."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateways.pboc import instruction
from gateways.pboc.books import ClearingBooks
from gateways.pboc.centre import Centre
from gateways.pboc.payment import Party, Payment

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "pboc"
SENDER = "10400000000001"
RECEIVER = "10300000000002"
NOW_MS = 1_795_500_000_123

Pay = Callable[..., Payment]


@pytest.fixture
def golden() -> Callable[[str], bytes]:
    return lambda name: (GOLDEN / name).read_bytes()


@pytest.fixture
def pay() -> Pay:
    """Give payments that differ by their number."""

    def make(
        number: int,
        minor: int,
        name: str = "李商行",
        account: str = "",
        bank_code: str = RECEIVER,
    ) -> Payment:
        return Payment(
            payout_id=f"019abcdef0127000800000000000{number:04d}",
            amount_minor=minor,
            payer=Party("广州外贸服务", "0190000000007000800000000000beef", SENDER),
            payee=Party(name, account or f"622200000000{number:04d}", bank_code),
        )

    return make


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    books = ClearingBooks(tmp_path / "books.sqlite")
    it = Centre(books)
    for bank_code, name, balance in ((SENDER, "settlement", "1000"), (RECEIVER, "other", "500")):
        arguments = {"bank_code": bank_code, "name": name, "balance_minor": balance}
        instruction.carry_out(it, "participant", arguments, NOW_MS)
    yield it
    books.close()
