"""The tables of the projections; columns are named as the core emits them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

# Raised when a table changes: a projection of another version is dropped and made again.
VERSION = 1

metadata = MetaData()


def _id(name: str, *, primary_key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=primary_key)


def _minor(name: str) -> Column[int]:
    return Column(name, BigInteger)


def _last() -> tuple[Column[int], Column[int]]:
    return Column("last_index", BigInteger), Column("last_row", Integer)


cursor = Table(
    "projection_cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("log", Text, nullable=False),
    # The next entry wanted.
    Column("next_index", BigInteger, nullable=False),
)

parties = Table(
    "parties",
    metadata,
    _id("party_id", primary_key=True),
    Column("party_index", BigInteger),
    Column("uscc", Text, index=True),
    # Names parted by commas.
    Column("roles", Text),
    Column("name", Text),
    Column("sanctioned", Integer),
)

documents = Table(
    "documents",
    metadata,
    _id("document_id", primary_key=True),
    Column("type", Integer),
    Column("doc_key", Text),
    Column("status", Integer),
    Column("position_index", BigInteger),
    Column("position_row", Integer),
    _id("trade_id"),
)

trade_documents = Table(
    "trade_documents",
    metadata,
    _id("trade_id", primary_key=True),
    _id("document_id", primary_key=True),
)

trades = Table(
    "trades",
    metadata,
    _id("trade_id", primary_key=True),
    Column("order_no", Text, index=True),
    Column("platform", Text),
    _id("merchant_party_id"),
    Column("currency", Text),
    _minor("declared_minor"),
    _minor("verified_minor"),
    Column("used_minor", BigInteger, server_default="0"),
    Column("clawback_minor", BigInteger, server_default="0"),
    Column("state", Text),
    Column("merchant_reason", Text),
    Column("released_at_ms", BigInteger),
    *_last(),
    Index("trades_by_merchant", "merchant_party_id", "trade_id"),
)

remittances = Table(
    "remittances",
    metadata,
    _id("remittance_id", primary_key=True),
    _id("service_enterprise_party_id"),
    Column("currency", Text),
    _minor("credited_minor"),
    _minor("allocated_minor"),
    _minor("suspense_minor"),
    _minor("returned_minor"),
    _minor("charges_after_minor"),
    _minor("converted_minor"),
    Column("review_outcome", Text),
    Column("review_state", Text),
    # Names parted by commas.
    Column("review_reasons", Text),
    *_last(),
)

payouts = Table(
    "payouts",
    metadata,
    _id("payout_id", primary_key=True),
    _id("merchant_party_id"),
    _id("service_enterprise_party_id"),
    _minor("cny_minor"),
    Column("state", Text),
    Column("reason_code", Text),
    *_last(),
    Index("payouts_by_merchant", "merchant_party_id", "payout_id"),
)

tax_items = Table(
    "tax_items",
    metadata,
    _id("item_id", primary_key=True),
    _id("trade_id"),
    _id("merchant_party_id"),
    # "refund", "exempt_no_invoice" or "none".
    Column("database", Text),
    Column("regime", Text),
    # Names parted by commas.
    Column("missing_conditions", Text),
    Column("gcode", Text),
    Column("currency", Text),
    _minor("value_minor"),
    Column("qty_e5", BigInteger),
    Column("export_date", Integer),
    Column("refund_rate_bp", Integer),
    _minor("refund_minor"),
    Column("library_version", Text),
    *_last(),
    Index("tax_items_by_database", "database", "item_id"),
)

bop_records = Table(
    "bop_records",
    metadata,
    Column("rptno", Text, primary_key=True),
    Column("kind", Text),
    _id("remittance_id"),
    _id("party_id"),
    Column("currency", Text),
    # Whole units.
    Column("amount", BigInteger),
    Column("state", Text),
    *_last(),
    Index("bop_records_by_remittance", "remittance_id", "rptno"),
)

# Number of leading columns that are a table's key, where it is not one.
KEY_WIDTHS = {"trade_documents": 2}
