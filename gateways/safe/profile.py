"""What the published balance-of-payments tables leave open: one table of profile parameters."""

from __future__ import annotations

# Given: the application, the table of foreign receipts, the kind of data, and the encoding.
APPLICATION = "BOP"
RECEIPTS = "BOPA"
FOREIGN_RECEIPT = "DBA"
ENCODING = "gb18030"
# Given: details of one batch.
BATCH_RECORDS_MAX = 100
# Given: characters of names and of the reason for a change or a deletion, of a bank's reference.
NAME_CHARACTERS_MAX = 128
REASON_CHARACTERS_MAX = 128
REFERENCE_CHARACTERS_MAX = 22
# Given: prefixes of a payer's name, abroad and within the country.
OVERSEAS = "(JW)"
DOMESTIC = "(JN)"

# --- profile parameters: none of these values is given by the public description ---------------

# Names of the messages between gateway and institution.
BATCH = "bop.batch"
FEEDBACK = "bop.feedback"

# Elements of a batch's head and of feedback that have no published name: BATCHREF and FIRSTREF
# (references of the batch and of the first one of its set), BATCHES and BATCHNO (how many batches
# the set has, and which this is), BATCHAMT, BRANCH, ACTUALRPTNO, DATATYPE, BACKFILL, RECKIND,
# FDBKTIME and SUCNUMBERS (numbers of the records that were accepted).
NO_BACKFILL = "N"
# Whether the batch is a bank's (IN) or the institution's answer (OUT).
TO_INSTITUTION = "IN"
FROM_INSTITUTION = "OUT"

# A receipt by telegraphic transfer, ordinary, not of a bonded area.
METHOD = "T"
PAY_TYPE = "O"
NOT_BONDED = "N"
# Who reports, and where to call.
REPORTER = "whampoa"
REPORTER_PHONE = "020-00000000"
# Why a record is changed or deleted.
CHANGE_REASON = "归属更正"
DELETE_REASON = "归属撤销"
# How long the gateway gathers remittances whose attribution changes before it declares them.
BURST_SECONDS = 0.2
