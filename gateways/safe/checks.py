"""What SAFE checks of one record by itself: a table of fields, then the rules between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateways.safe import moment, rptno, uscc
from gateways.safe.feedback import Fault
from gateways.safe.record import Action

Fields = Mapping[str, str]

# Trade that customs record, trade outside customs statistics, and services netted against it.
TRANSACTION_CODES = frozenset(
    {
        *("121010", "121020", "121030", "121040", "121080", "121090", "121990"),
        *("122030", "122990"),
        *("222011", "222040", "226000", "227020", "228024", "228050"),
    }
)
# The table allows 22 digits; the books keep 18.
_AMOUNT = "[1-9][0-9]{0,17}"
_AMOUNT_RULE = "whole units wanted, 1 to 18 digits without decimals"


@dataclass(frozen=True)
class _Field:
    title: str
    pattern: re.Pattern[str]
    rule: str
    # Whether a new or changed record must have it.
    is_required: bool = True


def _field(title: str, pattern: str, rule: str, *, is_required: bool = True) -> _Field:
    return _Field(title, re.compile(pattern, re.DOTALL), rule, is_required)


_FIELDS: dict[str, _Field] = {
    "ACTIONTYPE": _field("操作类型", "[ACD]", "A, C or D wanted"),
    "ACTIONDESC": _field("修改或删除原因", ".{1,128}", "1 to 128 characters", is_required=False),
    "RECKIND": _field("记录种类", "[123]", "1, 2 or 3 wanted"),
    "RPTNO": _field("申报号码", ".{22}", "22 characters wanted"),
    "CUSTYPE": _field("收款人类型", "[CDF]", "C, D or F wanted"),
    "CUSTCOD": _field("组织机构代码", ".{18}", "18 characters wanted", is_required=False),
    "IDCODE": _field("个人身份证件号码", ".{1,32}", "1 to 32 characters", is_required=False),
    "CUSTNM": _field("收款人名称", ".{1,128}", "1 to 128 characters wanted"),
    "OPPUSER": _field("付款人名称", r"\((JW|JN)\).{1,124}", "(JW) or (JN) and a name wanted"),
    "TXCCY": _field("收入款币种", "[A-Z]{3}", "three letters wanted"),
    "TXAMT": _field("收入款金额", _AMOUNT, _AMOUNT_RULE),
    "EXRATE": _field(
        "结汇汇率", r"(0|[1-9][0-9]{0,4})\.[0-9]{8}", "5 digits and 8 places", is_required=False
    ),
    "LCYAMT": _field("结汇金额", _AMOUNT, _AMOUNT_RULE, is_required=False),
    "LCYACC": _field("结汇账号", ".{1,32}", "1 to 32 characters", is_required=False),
    "FCYAMT": _field("现汇金额", _AMOUNT, _AMOUNT_RULE, is_required=False),
    "FCYACC": _field("现汇账号", ".{1,32}", "1 to 32 characters", is_required=False),
    "OTHAMT": _field("其它金额", _AMOUNT, _AMOUNT_RULE, is_required=False),
    "OTHACC": _field("其它账号", ".{1,32}", "1 to 32 characters", is_required=False),
    "METHOD": _field("结算方式", "[LGCTDMO]", "L, G, C, T, D, M or O wanted"),
    "BUSCODE": _field("银行业务编号", ".{1,22}", "1 to 22 characters wanted"),
    "COUNTRY": _field("付款人国别", "[A-Z]{3}", "three letters wanted"),
    "PAYTYPE": _field("收款性质", "[ARO]", "A, R or O wanted"),
    "TXCODE": _field("交易编码", "[0-9]{6}", "six digits wanted"),
    "TC1AMT": _field("相应金额", _AMOUNT, _AMOUNT_RULE),
    "ISREF": _field("是否保税", "[YN]", "Y or N wanted"),
    "CRTUSER": _field("填报人", ".{1,20}", "1 to 20 characters wanted"),
    "INPTELC": _field("填报人电话", ".{1,20}", "1 to 20 characters wanted"),
    "RPTDATE": _field("申报日期", "[0-9]{8}", "YYYYMMDD wanted"),
}
# All that a deletion says.
_OF_A_DELETION = ("ACTIONTYPE", "ACTIONDESC", "RECKIND", "RPTNO")


def fault(name: str, text: str) -> Fault:
    """What is wrong with a field of the table."""
    return Fault(name, _FIELDS[name].title, text)


def check(fields: Fields, currency: str, today: str) -> list[Fault]:
    """All that is wrong with a record of a batch in a currency, read on a day (YYYYMMDD)."""
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        return [Fault(unknown[0], "未知字段", "the table has no such field")]
    is_deletion = fields.get("ACTIONTYPE") == Action.DELETE.value
    wanted = _OF_A_DELETION if is_deletion else tuple(_FIELDS)
    found = [fault(*it) for it in _shapes(fields, wanted)]
    if found:
        # Rules between fields look at well-formed ones only.
        return found
    rules = _RULES_OF_A_DELETION if is_deletion else _RULES
    return [fault(*it) for rule in rules for it in rule(fields, currency, today)]


_Found = Iterator[tuple[str, str]]


def _shapes(fields: Fields, wanted: tuple[str, ...]) -> _Found:
    for name in wanted:
        text, field = fields.get(name, ""), _FIELDS[name]
        if text == "":
            if field.is_required:
                yield name, f"missing: {field.rule}"
        elif field.pattern.fullmatch(text) is None:
            yield name, f"{text[:64]!r}: {field.rule}"


def _number(fields: Fields, _currency: str, today: str) -> _Found:
    wrong = rptno.fault(fields["RPTNO"], fields.get("CUSTYPE", rptno.ENTERPRISE), today)
    if wrong:
        yield "RPTNO", wrong


def _reason(fields: Fields, _currency: str, _today: str) -> _Found:
    if fields["ACTIONTYPE"] != Action.NEW.value and not fields.get("ACTIONDESC"):
        yield "ACTIONDESC", "missing: a change or deletion needs a reason"


def _customer(fields: Fields, _currency: str, _today: str) -> _Found:
    is_enterprise = fields["CUSTYPE"] == rptno.ENTERPRISE
    if is_enterprise and not uscc.is_valid(fields.get("CUSTCOD", "")):
        code = fields.get("CUSTCOD", "")
        yield "CUSTCOD", f"{code!r} is no credit code: its check character is wrong"
    if not is_enterprise and not fields.get("IDCODE"):
        yield "IDCODE", f"missing: customer type {fields['CUSTYPE']} is a person"


def _money(fields: Fields, currency: str, _today: str) -> _Found:
    if fields["TXCCY"] != currency:
        yield "TXCCY", f"{fields['TXCCY']} in a batch of {currency}"
    whole = int(fields["TXAMT"])
    parts = sum(int(fields.get(name) or 0) for name in ("LCYAMT", "FCYAMT", "OTHAMT"))
    if parts != whole:
        yield "TXAMT", f"{whole}, settled, kept and other money sum to {parts}"
    if int(fields["TC1AMT"]) != whole:
        yield "TC1AMT", f"{fields['TC1AMT']}, the amount is {whole}"


def _pairs(fields: Fields, _currency: str, _today: str) -> _Found:
    for names in (("LCYAMT", "LCYACC", "EXRATE"), ("FCYAMT", "FCYACC"), ("OTHAMT", "OTHACC")):
        absent = [name for name in names if not fields.get(name)]
        if absent and len(absent) < len(names):
            yield absent[0], f"missing: {', '.join(names)} go together"
    if fields.get("EXRATE") and not fields["EXRATE"].strip("0."):
        yield "EXRATE", "zero is no rate"


def _code(fields: Fields, _currency: str, _today: str) -> _Found:
    if fields["TXCODE"] not in TRANSACTION_CODES:
        yield "TXCODE", f"{fields['TXCODE']} is no known transaction code"


def _date(fields: Fields, _currency: str, today: str) -> _Found:
    date, first = fields["RPTDATE"], rptno.date_of(fields["RPTNO"])
    if not moment.is_date(date) or not first <= date <= today:
        yield "RPTDATE", f"{date} is no day from {first} to {today}"


_Rule = Callable[[Fields, str, str], _Found]
_RULES: tuple[_Rule, ...] = (_number, _reason, _customer, _money, _pairs, _code, _date)
_RULES_OF_A_DELETION: tuple[_Rule, ...] = (_number, _reason)
