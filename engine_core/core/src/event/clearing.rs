//! Entries and rows of allocation, payouts and clawbacks.

use super::codec::{Text, code, entry, row};
use super::customs::ClawbackRow;
use super::forex::RemittanceRow;
use super::ledger::{AccountRow, TransferRow};
use crate::ids::{Id, Step};

row! {
    /// Credited money put to the open value of a trade, or taken back from it.
    AllocationRow = 40 {
        trade_id: Id,
        merchant: u32,
        /// Remittance currency.
        amount_minor: i64,
        /// Trade currency.
        used_minor: i64,
        /// Entry of the rate between the two; none when they are one currency.
        rate: Step,
        previous: Step,
        grant: u32,
        is_undo: bool,
    }
}

entry! {
    /// A remittance's suspense was shared. One operation may take several entries; the last carries the totals.
    Allocated = 50 {
        10 remittance_id: Id,
        11 mode: u8,
        12 allocated_minor: i64,
        13 rows_total: u32,
        14 merchants: u32,
        /// Advised row and number of the refusal.
        15 refused: Vec<(u32, u16)>,
    }
    rows {
        remittances: RemittanceRow,
        allocations: AllocationRow,
        accounts: AccountRow,
        transfers: TransferRow,
    }
}

code! {
    /// How far a payout has come.
    PayoutState {
        Instructed = 1,
        Debited = 2,
        Settled = 3,
        Rejected = 4,
        Returned = 5,
    }
}

row! {
    /// A payout as instructed.
    PayoutRow = 41 {
        payout_id: Id,
        /// Zero when it pays a cleared balance again.
        conversion_id: Id,
        service_enterprise: u32,
        merchant: u32,
        cny_minor: i64,
        /// Row whose private part holds the payee's account.
        payee: Step,
        previous: Step,
        grant: u32,
    }
}

row! {
    /// What became of a payout.
    PayoutStepRow = 42 {
        payout_id: Id,
        state: PayoutState,
        reason_code: Text<8>,
        cny_minor: i64,
        previous: Step,
    }
}

entry! {
    DebitConfirmed = 51 { 10 bank_reference: String }
    rows { steps: PayoutStepRow, accounts: AccountRow, transfers: TransferRow }
}

entry! {
    SettlementRecorded = 52 {
        /// Message ids of the clearing system, one a line, in the order of the request.
        10 clearing_references: String,
    }
    rows { steps: PayoutStepRow, accounts: AccountRow, transfers: TransferRow }
}

entry! {
    PayoutsInstructed = 53 { 10 service_enterprise: u32, 11 withheld: u32 }
    rows { payouts: PayoutRow, accounts: AccountRow, transfers: TransferRow }
}

row! {
    /// The remittance whose allocations the next rows move.
    MovedRow = 43 {
        remittance_id: Id,
        rows: u32,
    }
}

entry! {
    ClawbackSettled = 54 {
        10 trade_id: Id,
        11 settlement: u8,
        12 settled_minor: i64,
        13 remaining_minor: i64,
    }
    secrets { 40 reason }
    rows {
        clawbacks: ClawbackRow,
        moves: MovedRow,
        allocations: AllocationRow,
        accounts: AccountRow,
        transfers: TransferRow,
    }
}
