"""bop.feedback: which records of a batch were accepted, and what is wrong with the others."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from gateways.safe import markup, moment, profile

_COUNT_MAX = 1_000


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field: its name, its name in Chinese, and the rule it breaks."""

    field: str
    title: str
    text: str


@dataclass(frozen=True)
class Refused:
    """A record that was not taken in."""

    rptno: str
    faults: tuple[Fault, ...]

    @property
    def description(self) -> str:
        """All that is wrong, in one line."""
        return "; ".join(f"{it.field}: {it.text}" for it in self.faults)


@dataclass(frozen=True)
class Feedback:
    """The answer to one batch; `formats` says why the batch as a whole was not taken in."""

    # Empty where not even the batch's reference could be read.
    reference: str
    time_ms: int
    accepted: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    formats: tuple[str, ...] = ()

    def write(self) -> bytes:
        """The file."""
        root = markup.begin()
        markup.add(root, "APPTYPE", profile.APPLICATION)
        markup.add(root, "CURRENTFILE", profile.RECEIPTS)
        markup.add(root, "INOUT", profile.FROM_INSTITUTION)
        markup.add(root, "BATCHREF", self.reference)
        markup.add(root, "FDBKTIME", moment.write(self.time_ms))
        markup.add(root, "FORMATERRS", str(len(self.formats)))
        formats = markup.add(root, "FORMATS")
        for text in self.formats:
            markup.add(formats, "FORMAT", text)
        accepted, refused = len(self.accepted), len(self.refused)
        markup.add(root, "TOTALRECORDS", str(accepted + refused))
        markup.add(root, "SUCRECORDS", str(accepted))
        markup.add(root, "FALRECORDS", str(refused))
        numbers = markup.add(root, "SUCNUMBERS")
        for rptno in self.accepted:
            markup.add(numbers, "RPTNO", rptno)
        records = markup.add(root, "ERRRECORDS")
        for it in self.refused:
            record = markup.add(records, "REC")
            markup.add(record, "RPTNO", it.rptno)
            faults = markup.add(record, "ERRFIELDS")
            for fault in it.faults:
                error = markup.add(faults, "ERR")
                markup.add(error, "ERRFIELD", fault.field)
                markup.add(error, "ERRFIELDCN", fault.title)
                markup.add(error, "ERRDESC", fault.text)
        return markup.write(root)


def parse(message: bytes, message_format: str) -> Feedback:
    """Reads a file."""
    if message_format != profile.FEEDBACK:
        raise ValueError(f"format: {message_format!r}, {profile.FEEDBACK!r} wanted")
    root = markup.parse(message)
    markup.fixed(root, "APPTYPE", profile.APPLICATION)
    markup.fixed(root, "CURRENTFILE", profile.RECEIPTS)
    markup.fixed(root, "INOUT", profile.FROM_INSTITUTION)
    found = Feedback(
        reference=markup.child(root, "BATCHREF").text or "",
        time_ms=moment.parse(markup.text(root, "FDBKTIME"), "FDBKTIME"),
        accepted=tuple(_texts(root, "SUCNUMBERS", "RPTNO")),
        refused=tuple(_refused(it) for it in markup.child(root, "ERRRECORDS").findall("REC")),
        formats=tuple(_texts(root, "FORMATS", "FORMAT")),
    )
    for name, count in (
        ("FORMATERRS", len(found.formats)),
        ("TOTALRECORDS", len(found.accepted) + len(found.refused)),
        ("SUCRECORDS", len(found.accepted)),
        ("FALRECORDS", len(found.refused)),
    ):
        told = markup.number(root, name, _COUNT_MAX)
        if told != count:
            raise ValueError(f"{name}: {told}, the file has {count}")
    return found


def _texts(root: ET.Element, parent: str, name: str) -> list[str]:
    return [it.text or "" for it in markup.child(root, parent).findall(name)]


def _refused(record: ET.Element) -> Refused:
    faults = tuple(
        Fault(
            field=markup.text(error, "ERRFIELD"),
            title=markup.text(error, "ERRFIELDCN"),
            text=markup.text(error, "ERRDESC"),
        )
        for error in markup.child(record, "ERRFIELDS").findall("ERR")
    )
    return Refused(markup.text(record, "RPTNO"), faults)
