"""What the demo shows: one table a stage, and the figures as one object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bench.demo.play import Story
from whampoa.customs.v1 import document_pb2 as documents
from whampoa.customs.v1 import finding_pb2 as finding

Table = tuple[str, list[str], list[tuple[object, ...]]]
_FINDINGS_SHOWN = 200
_FINDING_COLUMNS = ["no.", "document", "field", "rule", "weight", "value", "message"]
_MISHAPS = {
    "mismatched": "list names another parcel's waybill",
    "two_agents": "one order under two agents and two consignor codes",
    "rejected": "declaration rejected, then sent again",
    "unreleased": "goods not released",
    "two_merchants": "order with items of two merchants",
    "in_cny": "declared in CNY, paid in USD",
}


def result(story: Story) -> dict[str, object]:
    """The figures of `whampoa demo --json`."""
    counts, sums = story.counts, story.sums
    laws = story.verified.get("laws")
    held = isinstance(laws, list) and bool(laws) and all(law["holds"] for law in laws)
    matched = sum(counts.get(f"trades:{state}", 0) for state in ("matched", "released", "closed"))
    return {
        "documents": story.sent.documents,
        "documents_refused": story.sent.refused,
        "findings": len(story.sent.findings),
        "trades": counts.get("trades", 0),
        "trades_matched": matched,
        "trades_released": matched - counts.get("trades:matched", 0),
        "merchants": story.merchants,
        "declarants": story.declarants,
        "remittances": counts.get("remittances", 0),
        "received_minor": sums.get("credited:USD", 0),
        "allocated_minor": sums.get("allocated:USD", 0),
        "suspense_minor": sums.get("suspense:USD", 0),
        "stopped_for_review": story.money.stopped,
        "payouts_settled": story.payouts["settled"],
        "payouts_returned": story.payouts["returned"],
        "bop_actual": story.records["actual"],
        "bop_restored": story.records["restored"],
        "tax_refund_items": counts.get("tax_items:refund", 0),
        "tax_exempt_items": counts.get("tax_items:exempt_no_invoice", 0),
        "entries": story.verified.get("entries"),
        "rows": story.verified.get("rows"),
        "chain_ok": story.verified.get("first_bad") is None and bool(story.verified.get("ok")),
        "laws_ok": held,
        "books_ok": bool(story.books) and all(one.agrees for one in story.books),
        "seconds": round(story.seconds, 1),
    }


def tables(story: Story) -> Iterator[Table]:
    """One table a stage."""
    yield "Registered", ["what", "number"], list(story.registered.items())
    yield from _customs(story)
    yield (
        "Tax",
        ["regime", "database", "items"],
        [
            (regime, database, number)
            for (regime, database), number in sorted(story.regimes.items())
        ],
    )
    yield "Money", ["sum, minor units", "amount"], sorted(story.sums.items())
    yield "Payouts", ["state", "number"], sorted(story.payouts.items())
    yield "Balance of payments", ["record", "number"], sorted(story.records.items())
    yield (
        "What went wrong, and how it ended",
        ["event", "outcome"],
        [
            *((_MISHAPS[word], outcome) for word, outcome in story.mishaps),
            *story.money.told,
        ],
    )
    yield from _evidence(story)
    yield (
        "Time",
        ["stage", "seconds"],
        [(stage, round(seconds, 1)) for stage, seconds in story.stages],
    )


def _customs(story: Story) -> Iterator[Table]:
    yield (
        "Messages",
        ["type", "messages"],
        [(f"CEB{number}", count) for number, count in sorted(story.sent.messages.items())],
    )
    rules = Counter((one.rule, _severity(one)) for one in story.sent.findings)
    yield (
        "Findings by rule",
        ["rule", "weight", "findings"],
        [(rule, weight, number) for (rule, weight), number in sorted(rules.items())],
    )
    refused = [one for one in story.sent.findings if one.severity != finding.SEVERITY_WARNING]
    # Of generated messages only what is refused is worth a line; of a partner's files, all.
    shown = (story.sent.findings if story.files else refused)[:_FINDINGS_SHOWN]
    yield (
        f"Findings ({len(shown)} of {len(story.sent.findings)})",
        _FINDING_COLUMNS,
        [
            (
                one.ordinal + 1,
                _document(one),
                one.field,
                one.rule,
                _severity(one),
                one.value,
                one.message,
            )
            for one in shown
        ],
    )
    states = {
        name.partition(":")[2]: count
        for name, count in story.counts.items()
        if name.startswith("trades:")
    }
    yield "Trades", ["state", "number"], sorted(states.items())
    yield (
        "Genuine merchant known by",
        ["reason", "trades"],
        [(reason, number) for reason, number in Counter(story.reasons).most_common()],
    )


def _document(one: finding.Finding) -> str:
    name = documents.DocumentType.Name(one.type).removeprefix("DOCUMENT_TYPE_").lower()
    return one.document_key or f"{name} {one.ordinal + 1}"


def _severity(one: finding.Finding) -> str:
    return finding.Severity.Name(one.severity).removeprefix("SEVERITY_").lower()


def _evidence(story: Story) -> Iterator[Table]:
    laws = story.verified.get("laws")
    if isinstance(laws, list):
        yield (
            "Laws, recomputed from the files",
            ["law", "holds", "remark"],
            [(law["number"], "yes" if law["holds"] else "NO", law["text"]) for law in laws],
        )
    yield (
        "Books of the institutions",
        ["institution", "figure", "theirs", "ours", "agree"],
        [
            (one.institution, one.what, one.theirs, one.ours, "yes" if one.agrees else "NO")
            for one in story.books
        ],
    )
    title = "One trade from order to payout"
    if story.steps:
        title += ": complete" if story.is_complete else ": steps are MISSING"
    yield (
        title,
        ["position", "step", "what"],
        [
            (f"{step.position.index}:{step.position.row}", step.kind, step.text)
            for step in story.steps
        ],
    )
