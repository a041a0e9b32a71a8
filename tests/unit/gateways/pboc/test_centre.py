"""Settlement in the books: paid, queued, rejected, returned, and no money made or lost."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gateways.pboc import acknowledgement, instruction, outcome
from gateways.pboc.batch import Batch
from gateways.pboc.books import ClearingBooks
from gateways.pboc.centre import Centre
from gateways.pboc.payment import Payment
from gateways.pboc.transfer import Transfer

Pay = Callable[..., Payment]
SENDER, RECEIVER, NOW_MS = "10400000000001", "10300000000002", 1_795_500_000_123


def send(centre: Centre, *payments: Payment) -> str:
    """Send payments as one batch; give why it was discarded."""
    message = Batch.of(payments, NOW_MS).write()
    return acknowledgement.parse(*centre.deliver(message, "beps.382.001.01", NOW_MS))


def transfer(centre: Centre, payment: Payment) -> str:
    message = Transfer.of(payment, NOW_MS).write()
    return acknowledgement.parse(*centre.deliver(message, "hvps.111.001.01", NOW_MS))


def told(centre: Centre, from_sequence: int = 1) -> list[list[str]]:
    """Give the statuses and reasons of each letter."""
    found = centre.books.letters(from_sequence, 1000)
    assert [row[0] for row in found] == list(range(from_sequence, from_sequence + len(found)))
    reports = [outcome.read(message, kind) for _, kind, message in found]
    return [[f"{it.status} {it.reason}".strip() for it in report.outcomes] for report in reports]


def balances(centre: Centre) -> dict[str, int]:
    rows, _ = centre.books.rows("participants", 0, 0)
    return {row["bank_code"]: int(row["balance_minor"]) for row in rows}


def instruct(centre: Centre, action: str, **arguments: str) -> str:
    return instruction.carry_out(centre, action, arguments, NOW_MS)


def test_paid_at_once(centre: Centre, pay: Pay) -> None:
    assert send(centre, pay(1, 300), pay(2, 200)) == ""
    assert transfer(centre, pay(3, 500)) == ""
    assert balances(centre) == {SENDER: 0, RECEIVER: 1500}
    assert told(centre) == [["PR03", "PR03"], ["PR04"]]
    rows, count = centre.books.rows("payments", 1, 1)
    assert (count, rows[0]["payout_id"], rows[0]["state"]) == (3, pay(2, 200).payout_id, "settled")
    assert rows[0]["amount_minor"] == "200"


def test_repeated_messages_change_nothing(centre: Centre, pay: Pay) -> None:
    assert send(centre, pay(1, 300)) == ""
    before = (balances(centre), told(centre), centre.books.totals())
    assert send(centre, pay(1, 300)) == ""
    assert transfer(centre, pay(1, 300)) == ""
    assert (balances(centre), told(centre), centre.books.totals()) == before


def test_other_content_under_a_known_payout_discards_all(centre: Centre, pay: Pay) -> None:
    assert send(centre, pay(1, 300)) == ""
    assert send(centre, pay(2, 100), pay(1, 301)).startswith("AM05: payout 019abcdef")
    assert centre.books.totals()["settled_minor"] == 300
    assert balances(centre) == {SENDER: 700, RECEIVER: 800}


def test_the_queue_is_first_in_first_out(centre: Centre, pay: Pay) -> None:
    transfer(centre, pay(1, 1200))
    # Its amount is there, yet an older payment waits.
    send(centre, pay(2, 100))
    assert balances(centre) == {SENDER: 1000, RECEIVER: 500}
    assert centre.books.totals()["queued_minor"] == 1300
    instruct(centre, "fund", bank_code=SENDER, amount_minor="250")
    assert balances(centre) == {SENDER: 50, RECEIVER: 1700}
    instruct(centre, "fund", bank_code=SENDER, amount_minor="50")
    assert told(centre) == [["PR12"], ["PR11"], ["PR04"], ["PR03"]]
    assert balances(centre) == {SENDER: 0, RECEIVER: 1800}


def test_unknown_banks_are_rejected(centre: Centre, pay: Pay) -> None:
    foreign = pay(1, 300, bank_code="99900000000009")
    send(centre, foreign)
    assert told(centre) == [["PR09 RC04"]]
    assert balances(centre) == {SENDER: 1000, RECEIVER: 500}
    assert centre.books.totals()["rejected_minor"] == 300


def test_an_unknown_sender_is_rejected(tmp_path: Path, pay: Pay) -> None:
    centre = Centre(ClearingBooks(tmp_path / "empty.sqlite"))
    transfer(centre, pay(1, 300))
    assert told(centre) == [["PR09 RC03"]]
    centre.books.close()


def test_closed_accounts_return(centre: Centre, pay: Pay) -> None:
    instruct(centre, "close_account", account="622200000000" + "0002", reason="")
    instruct(centre, "close_account", account="622200000000" + "0003", reason="AC01")
    send(centre, pay(1, 10), pay(2, 20))
    transfer(centre, pay(3, 30))
    assert told(centre) == [["PR03", "PR03"], ["PR18 AC04"], ["PR04"], ["PR18 AC01"]]
    assert balances(centre) == {SENDER: 990, RECEIVER: 510}
    instruct(centre, "open_account", account="622200000000" + "0002")
    send(centre, Payment("0" * 32, 5, pay(2, 5).payer, pay(2, 5).payee))
    assert centre.books.totals() == {
        "settled_minor": 65,
        "rejected_minor": 0,
        "returned_minor": 50,
        "queued_minor": 0,
        "net_paid_minor": 15,
        "participants_minor": 1500,
    }


def test_a_restart_keeps_all(tmp_path: Path, centre: Centre, pay: Pay) -> None:
    transfer(centre, pay(1, 1200))
    again = Centre(ClearingBooks(tmp_path / "books.sqlite"))
    assert told(again) == [["PR12"]]
    instruct(again, "fund", bank_code=SENDER, amount_minor="200")
    assert told(again) == [["PR12"], ["PR04"]]
    assert balances(again) == {SENDER: 0, RECEIVER: 1700}
    again.books.close()


def test_bad_messages_are_discarded(centre: Centre, pay: Pay) -> None:
    message = Transfer.of(pay(1, 300), NOW_MS).write()
    for bytes_, kind, reason in (
        (b"", "hvps.111.001.01", "FF01: header: 0 bytes"),
        (message, "beps.382.001.01", "FF01: MesgType"),
        (message, "pain.001", "FF01: format"),
        (message[:-5], "hvps.111.001.01", "FF01: XML"),
    ):
        reply, reply_kind = centre.deliver(bytes_, kind, NOW_MS)
        assert reply_kind == "ccms.911.001.02"
        assert acknowledgement.parse(reply, reply_kind).startswith(reason)
    assert centre.books.rows("payments", 0, 0) == ([], 0)


@pytest.mark.parametrize(
    ("action", "arguments", "text"),
    [
        ("remit", {}, "action: 'remit'"),
        ("fund", {"bank_code": SENDER}, "amount_minor"),
        ("fund", {"bank_code": SENDER, "amount_minor": "-1"}, "amount_minor"),
        ("fund", {"bank_code": "9" * 14, "amount_minor": "1"}, "no participant"),
        ("participant", {"bank_code": "1", "name": "x", "balance_minor": "0"}, "bank_code"),
        ("close_account", {"account": "1", "reason": "closed"}, "reason: 'closed'"),
        ("open_account", {}, "account"),
    ],
)
def test_bad_instructions(
    centre: Centre, action: str, arguments: dict[str, str], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        instruct(centre, action, **arguments)


def test_a_participant_created_twice_keeps_its_balance(centre: Centre) -> None:
    said = instruct(centre, "participant", bank_code=SENDER, name="x", balance_minor="9")
    assert said == f"participant {SENDER} exists"
    assert balances(centre)[SENDER] == 1000


def test_no_money_is_made_or_lost(centre: Centre, pay: Pay, chance: random.Random) -> None:
    funded = 1500
    banks: Sequence[str] = (SENDER, RECEIVER, "99900000000009")
    for number in range(60):
        if chance.random() < 0.2:
            account = f"622200000000{chance.randrange(60):04d}"
            instruct(centre, chance.choice(["close_account", "open_account"]), account=account)
        if chance.random() < 0.2:
            minor = chance.randrange(400)
            funded += minor
            instruct(centre, "fund", bank_code=SENDER, amount_minor=str(minor))
        payment = pay(number, chance.randrange(1, 200), bank_code=chance.choice(banks))
        if chance.random() < 0.5:
            send(centre, payment)
        else:
            transfer(centre, payment)
        totals = centre.books.totals()
        assert totals["participants_minor"] == funded
        assert totals["net_paid_minor"] == totals["settled_minor"] - totals["returned_minor"]
        assert min(balances(centre).values()) >= 0
    rows, _ = centre.books.rows("payments", 0, 0)
    crossed = [row for row in rows if row["state"] == "settled" and row["receiver"] == RECEIVER]
    assert balances(centre)[RECEIVER] == 500 + sum(int(row["amount_minor"]) for row in crossed)
