"""bop.batch: up to a hundred records of one receipt, the actual one or a part of the restored."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateways.safe import markup, profile

_REFERENCE = re.compile(r"[0-9A-Za-z-]{1,32}")
_SET_BATCHES_MAX = 1_000
_SUM_MAX = 10**22 - 1


@dataclass(frozen=True)
class Head:
    """Which batch it is: of which set, under which actual record, of which institution."""

    reference: str
    # Reference of the first batch of the set.
    first_reference: str
    number: int
    batches: int
    currency: str
    institution_code: str
    # Number of the actual record that the records are or belong to.
    actual_rptno: str

    def check(self) -> None:
        """Refuses a head that names no place in a set."""
        for name, text in (("BATCHREF", self.reference), ("FIRSTREF", self.first_reference)):
            if _REFERENCE.fullmatch(text) is None:
                raise ValueError(f"{name}: {text!r} is not 1 to 32 letters, digits and hyphens")
        if not 1 <= self.number <= self.batches <= _SET_BATCHES_MAX:
            raise ValueError(f"BATCHNO: {self.number} of {self.batches} batches")
        if (self.number == 1) is not (self.reference == self.first_reference):
            raise ValueError(f"FIRSTREF: {self.first_reference} in batch {self.number}")


@dataclass(frozen=True)
class Batch:
    """Records as texts by field name; whoever takes the batch in checks them one by one."""

    head: Head
    records: tuple[dict[str, str], ...]

    @property
    def amount(self) -> int:
        """Sum of the records' amounts; deletions have none."""
        return sum(int(it["TXAMT"]) for it in self.records if _is_amount(it.get("TXAMT", "")))

    def write(self) -> bytes:
        """The file."""
        self.head.check()
        head, root = self.head, markup.begin()
        for name, text in (
            ("APPTYPE", profile.APPLICATION),
            ("CURRENTFILE", profile.RECEIPTS),
            ("INOUT", profile.TO_INSTITUTION),
            ("BATCHREF", head.reference),
            ("FIRSTREF", head.first_reference),
            ("BATCHES", str(head.batches)),
            ("BATCHNO", str(head.number)),
            ("TXCCY", head.currency),
            ("BATCHAMT", str(self.amount)),
            ("BRANCH", head.institution_code),
            ("ACTUALRPTNO", head.actual_rptno),
            ("DATATYPE", profile.FOREIGN_RECEIPT),
            ("BACKFILL", profile.NO_BACKFILL),
            ("TOTALRECORDS", str(len(self.records))),
        ):
            markup.add(root, name, text)
        records = markup.add(root, "RECORDS")
        for fields in self.records:
            record = markup.add(records, "REC")
            for name, text in fields.items():
                markup.add(record, name, text)
        return markup.write(root)


def parse(message: bytes) -> Batch:
    """Reads a file: its head and sums are checked, its records only taken apart."""
    root = markup.parse(message)
    markup.fixed(root, "APPTYPE", profile.APPLICATION)
    markup.fixed(root, "CURRENTFILE", profile.RECEIPTS)
    markup.fixed(root, "INOUT", profile.TO_INSTITUTION)
    markup.fixed(root, "DATATYPE", profile.FOREIGN_RECEIPT)
    markup.fixed(root, "BACKFILL", profile.NO_BACKFILL)
    head = Head(
        reference=markup.text(root, "BATCHREF"),
        first_reference=markup.text(root, "FIRSTREF"),
        number=markup.number(root, "BATCHNO", _SET_BATCHES_MAX),
        batches=markup.number(root, "BATCHES", _SET_BATCHES_MAX),
        currency=markup.text(root, "TXCCY"),
        institution_code=markup.text(root, "BRANCH"),
        actual_rptno=markup.text(root, "ACTUALRPTNO"),
    )
    head.check()
    elements = list(markup.child(root, "RECORDS"))
    if any(element.tag != "REC" for element in elements):
        raise ValueError("RECORDS: holds other elements than REC")
    batch = Batch(head, tuple(markup.fields(element) for element in elements))
    numbers = [fields.get("RPTNO", "") for fields in batch.records]
    if "" in numbers or len(set(numbers)) < len(numbers):
        raise ValueError("RPTNO: missing in a record, or twice in the file")
    total = markup.number(root, "TOTALRECORDS", profile.BATCH_RECORDS_MAX)
    if not 1 <= len(elements) == total:
        raise ValueError(f"TOTALRECORDS: {total}, the file has {len(elements)}")
    amount = markup.number(root, "BATCHAMT", _SUM_MAX)
    if amount != batch.amount:
        raise ValueError(f"BATCHAMT: {amount}, the records sum to {batch.amount}")
    return batch


def _is_amount(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_SUM_MAX))
