//! Entries and rows of foreign money: remittances, rates, conversions, balance-of-payments records.

use super::clearing::{AllocationRow, PayoutRow};
use super::codec::{Text, code, entry, row};
use super::customs::ClawbackRow;
use super::ledger::{AccountRow, TransferRow};
use super::risk::ReviewOutcome;
use crate::ids::{Id, KeyDigest, Step};
use crate::money::Currency;

row! {
    /// The amounts of a remittance as they stand after a step.
    RemittanceRow = 33 {
        remittance_id: Id,
        service_enterprise: u32,
        currency: Currency,
        credited_minor: i64,
        allocated_minor: i64,
        suspense_minor: i64,
        returned_minor: i64,
        charges_after_minor: i64,
        converted_minor: i64,
        /// Owed by merchants after a recall of converted money; not part of the sum of law 3.
        debt_minor: i64,
        previous: Step,
    }
}

entry! {
    /// Foreign money was credited, and judged at once.
    RemittanceRecorded = 30 {
        10 instructed_minor: i64,
        11 charges_before_minor: i64,
        /// Digest of the bank's reference: the same reference again is a duplicate use.
        12 reference_key: KeyDigest,
        13 value_date: u32,
        14 payer_country: Text<3>,
        15 outcome: ReviewOutcome,
        /// Bit `1 << number` for every reason.
        16 reasons: u32,
        17 bank_reference: String,
    }
    secrets { 40 payer_name, 41 remittance_text }
    rows { remittances: RemittanceRow, accounts: AccountRow, transfers: TransferRow }
}

entry! {
    ChargeRecorded = 31 { 10 amount_minor: i64, 11 bank_reference: String }
    rows { remittances: RemittanceRow, accounts: AccountRow, transfers: TransferRow }
}

row! {
    /// What a merchant owes after a recall.
    DebtRow = 34 {
        merchant: u32,
        amount_minor: i64,
    }
}

entry! {
    RemittanceRecalled = 32 {
        10 amount_minor: i64,
        11 from_suspense_minor: i64,
        12 from_allocations_minor: i64,
        13 debt_minor: i64,
        14 bank_reference: String,
        15 remittance_id: Id,
    }
    rows {
        remittances: RemittanceRow,
        allocations: AllocationRow,
        clawbacks: ClawbackRow,
        debts: DebtRow,
        accounts: AccountRow,
        transfers: TransferRow,
    }
}

entry! {
    SuspenseReturned = 33 { 10 amount_minor: i64 }
    secrets { 40 reason }
    rows { remittances: RemittanceRow, accounts: AccountRow, transfers: TransferRow }
}

entry! {
    /// A rate that later rows name by position.
    RatePublished = 34 {
        10 base: Currency,
        11 quote: Currency,
        12 rate_e8: i64,
        13 source: String,
    }
}

row! {
    /// What a conversion converts of one merchant.
    ConversionShareRow = 35 {
        merchant: u32,
        amount_minor: i64,
    }
}

row! {
    /// A conversion as it stands after a step.
    ConversionRow = 36 {
        conversion_id: Id,
        remittance_id: Id,
        service_enterprise: u32,
        currency: Currency,
        amount_minor: i64,
        cny_minor: i64,
        rate_e8: i64,
        previous: Step,
    }
}

entry! {
    ConversionRequested = 35 {}
    rows { conversions: ConversionRow, shares: ConversionShareRow }
}

row! {
    /// The CNY of one merchant out of a conversion.
    DistributionRow = 37 {
        merchant: u32,
        amount_minor: i64,
        cny_minor: i64,
    }
}

entry! {
    /// The bank converted; the CNY is shared and payouts are instructed.
    ConversionConfirmed = 36 {
        10 bank_reference: String,
        11 merchants: u32,
        12 payouts_instructed: u32,
        13 withheld: u32,
        14 conversion_id: Id,
        15 remittance_id: Id,
    }
    rows {
        conversions: ConversionRow,
        remittances: RemittanceRow,
        distributions: DistributionRow,
        payouts: PayoutRow,
        accounts: AccountRow,
        transfers: TransferRow,
    }
}

entry! {
    ConversionFailed = 37 {}
    secrets { 40 reason }
    rows { conversions: ConversionRow }
}

code! {
    /// What a balance-of-payments record stands for.
    BopKind {
        Actual = 1,
        Restored = 2,
        Unattributed = 3,
    }
}

code! {
    /// What is done to a record.
    BopAction {
        New = 1,
        Change = 2,
        Delete = 3,
    }
}

row! {
    /// A record as it is to be reported: amounts in whole units.
    BopRow = 38 {
        rptno: Text<22>,
        kind: BopKind,
        action: BopAction,
        party: u32,
        remittance_id: Id,
        currency: Currency,
        amount: i64,
        settled: i64,
        rate_e8: i64,
        report_date: u32,
        transaction_code: Text<6>,
        previous: Step,
    }
}

entry! {
    BopDeclared = 38 {
        10 remittance_id: Id,
        11 actual_rptno: Text<22>,
        12 restored: u32,
        /// Numbers used of each branch and day: institution code, day, count after this entry.
        13 numbers: Vec<(Text<12>, (u32, u32))>,
    }
    rows { remittances: RemittanceRow, records: BopRow }
}

row! {
    /// What SAFE said of a record.
    BopFeedbackRow = 39 {
        rptno: Text<22>,
        accepted: bool,
        previous: Step,
    }
}

entry! {
    BopFeedbackRecorded = 39 {}
    secrets { 40 descriptions }
    rows { feedback: BopFeedbackRow }
}
