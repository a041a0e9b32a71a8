//! Entries and rows of the ledger: accounts, transfers, holds.

use super::codec::{code, entry, row};
use crate::ids::{Id, Step};
use crate::money::Currency;

code! {
    /// What an account is for. All but `Partner` belong to the corridor and move by its entries only.
    AccountKind {
        /// Foreign money of a service enterprise at its bank; grows by debits.
        ServiceBankForeign = 1,
        /// Credited and not yet allocated.
        Suspense = 2,
        /// Allocated to a merchant and not yet converted.
        MerchantForeign = 3,
        /// CNY of a service enterprise at its bank; grows by debits.
        ServiceBankCny = 5,
        /// CNY of a merchant, cleared and not yet paid out.
        MerchantCleared = 6,
        /// Payouts instructed and not yet debited by the bank.
        PayoutTransit = 7,
        /// What a merchant owes after a recall of converted money; grows by debits.
        MerchantDebt = 9,
        /// Repaid by merchants whose trades lost their proof.
        Repaid = 10,
        /// Opened by a partner.
        Partner = 20,
    }
}

/// Flags of an account.
pub const DEBITS_LIMITED: u16 = 1;
pub const CREDITS_LIMITED: u16 = 2;

/// Flags of a transfer.
pub const LINKED: u16 = 1;
pub const PLACE_HOLD: u16 = 2;
pub const CAPTURE_HOLD: u16 = 4;
pub const VOID_HOLD: u16 = 8;
pub const BALANCING_DEBIT: u16 = 16;

row! {
    /// A movement between two accounts of one currency: 36 bytes, 52 with the salt.
    TransferRow = 30 {
        transfer_id: Id,
        debit: u32,
        credit: u32,
        amount: u64,
        code: u16,
        flags: u16,
    }
}

row! {
    /// A movement that places, captures or voids a hold.
    HoldRow = 31 {
        transfer_id: Id,
        debit: u32,
        credit: u32,
        amount: u64,
        code: u16,
        flags: u16,
        /// The hold captured or voided; zero when one is placed.
        hold_id: Id,
        expires_at_ms: u64,
        /// Row that placed the hold.
        previous: Step,
    }
}

row! {
    /// An account as opened.
    AccountRow = 32 {
        account_id: Id,
        index: u32,
        owner: u32,
        /// The service enterprise of a merchant's account; `NO_INDEX` otherwise.
        counterparty: u32,
        kind: AccountKind,
        currency: Currency,
        flags: u16,
        code: u16,
    }
}

entry! {
    AccountsOpened = 20 {}
    rows { accounts: AccountRow }
}

entry! {
    /// Transfers decided row by row.
    TransfersApplied = 21 {
        /// Row of the request and number of the refusal.
        10 refused: Vec<(u16, u16)>,
        /// Rows of the request that had been applied before.
        11 repeated: Vec<u16>,
    }
    rows { transfers: TransferRow, holds: HoldRow }
}

entry! {
    AccountClosed = 22 { 10 account: u32 }
}
