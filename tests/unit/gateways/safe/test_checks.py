"""What SAFE finds wrong with single records, row by row of its table."""

from collections.abc import Callable

import pytest

from gateways.safe import batch, checks, rptno, uscc
from gateways.safe.record import parse_rate, write_rate

TODAY = "20261125"


@pytest.fixture
def records(golden: Callable[[str], bytes]) -> list[dict[str, str]]:
    """Give a new record with settled money, a change, and a deletion."""
    return list(batch.parse(golden("bop.batch.restored.xml")).records)


def test_golden_records_have_no_fault(records: list[dict[str, str]]) -> None:
    assert [checks.check(it, "USD", TODAY) for it in records] == [[], [], []]


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"ACTIONTYPE": "R"}, "ACTIONTYPE", "A, C or D"),
        ({"RECKIND": "4"}, "RECKIND", "1, 2 or 3"),
        ({"RPTNO": "44010000010126112N001"}, "RPTNO", "22 characters"),
        ({"RPTNO": "440100000101261124O001"}, "RPTNO", "letter N or P to W"),
        ({"RPTNO": "440100000101261126N001"}, "RPTNO", "after 20261125"),
        ({"RPTNO": "440100000101261131N001"}, "RPTNO", "is no date"),
        ({"RPTNO": "440100000101261124N000"}, "RPTNO", "serial 000"),
        ({"RPTNO": "440100000101261124U001"}, "RPTNO", "letter U"),
        ({"CUSTYPE": "D"}, "RPTNO", "letter T"),
        ({"CUSTCOD": "91440300MA5EXAMP73"}, "CUSTCOD", "check character"),
        ({"CUSTCOD": ""}, "CUSTCOD", "check character"),
        ({"CUSTNM": ""}, "CUSTNM", "missing"),
        ({"CUSTNM": "名" * 129}, "CUSTNM", "1 to 128"),
        ({"OPPUSER": "Pan & Sons Ltd"}, "OPPUSER", r"\(JW\)"),
        ({"OPPUSER": "(JW)"}, "OPPUSER", "a name"),
        ({"TXCCY": "EUR"}, "TXCCY", "EUR in a batch of USD"),
        ({"TXAMT": "0"}, "TXAMT", "whole units"),
        ({"TXAMT": "12345.00"}, "TXAMT", "whole units"),
        ({"TXAMT": "-1"}, "TXAMT", "whole units"),
        ({"TXAMT": "1" * 19}, "TXAMT", "whole units"),
        ({"LCYAMT": "12001"}, "TXAMT", "sum to 12346"),
        ({"TC1AMT": "12344"}, "TC1AMT", "12345"),
        ({"EXRATE": ""}, "EXRATE", "go together"),
        ({"EXRATE": "0.00000000"}, "EXRATE", "zero"),
        ({"EXRATE": "7.1234567"}, "EXRATE", "8 places"),
        ({"EXRATE": "123456.00000000"}, "EXRATE", "5 digits"),
        ({"LCYACC": ""}, "LCYACC", "go together"),
        ({"FCYACC": ""}, "FCYACC", "go together"),
        ({"METHOD": "X"}, "METHOD", "wanted"),
        ({"BUSCODE": ""}, "BUSCODE", "missing"),
        ({"BUSCODE": "9" * 23}, "BUSCODE", "22"),
        ({"COUNTRY": "US"}, "COUNTRY", "three letters"),
        ({"PAYTYPE": "B"}, "PAYTYPE", "A, R or O"),
        ({"TXCODE": "121011"}, "TXCODE", "no known transaction code"),
        ({"TXCODE": "12101"}, "TXCODE", "six digits"),
        ({"ISREF": ""}, "ISREF", "missing"),
        ({"CRTUSER": ""}, "CRTUSER", "missing"),
        ({"INPTELC": ""}, "INPTELC", "missing"),
        ({"RPTDATE": "20261124"}, "RPTDATE", "from 20261125"),
        ({"RPTDATE": "20261126"}, "RPTDATE", "to 20261125"),
        ({"REMARK": "x"}, "REMARK", "no such field"),
    ],
)
def test_a_wrong_record(
    records: list[dict[str, str]], changes: dict[str, str], field: str, text: str
) -> None:
    found = checks.check(records[0] | changes, "USD", TODAY)
    assert field in [it.field for it in found]
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(next(it.text for it in found if it.field == field))


def test_changes_and_deletions_need_a_reason(records: list[dict[str, str]]) -> None:
    for record in records[1:]:
        (found,) = checks.check(record | {"ACTIONDESC": ""}, "USD", TODAY)
        assert (found.field, found.title) == ("ACTIONDESC", "修改或删除原因")
    long = {"ACTIONDESC": "因" * 129}
    assert checks.check(records[2] | long, "USD", TODAY)[0].field == "ACTIONDESC"


def test_a_person_has_a_document_and_other_serials(records: list[dict[str, str]]) -> None:
    person = {"CUSTYPE": "D", "CUSTCOD": "", "RPTNO": "440100000101261125W999"}
    (found,) = checks.check(records[0] | person, "USD", TODAY)
    assert (found.field, found.text[:7]) == ("IDCODE", "missing")
    assert checks.check(records[0] | person | {"IDCODE": "E12345678"}, "USD", TODAY) == []


def test_all_serials_of_a_day() -> None:
    numbers = [
        f"440100000101261124{letter}{serial:03d}"
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for serial in range(1000)
    ]
    # 5,994 of enterprises and 2,997 of persons.
    assert sum(rptno.fault(it, "C", TODAY) == "" for it in numbers) == 5994
    assert sum(rptno.fault(it, "D", TODAY) == "" for it in numbers) == 2997


def test_credit_codes() -> None:
    assert uscc.is_valid("91350100M000100Y43")
    for wrong in ("91350100M000100Y44", "91350100M000100Y4", "91350100m000100Y43", "", "无" * 18):
        assert not uscc.is_valid(wrong)


def test_rates_are_exact() -> None:
    for rate_e8, text in (
        (712345678, "7.12345678"),
        (1, "0.00000001"),
        (10**13 - 1, "99999.99999999"),
    ):
        assert (write_rate(rate_e8), parse_rate(text)) == (text, rate_e8)
    for rate_e8 in (0, -1, 10**13):
        with pytest.raises(ValueError, match="EXRATE"):
            write_rate(rate_e8)
