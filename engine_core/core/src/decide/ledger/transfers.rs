//! Transfers as columns: each row is decided on its own in order, linked rows all or nothing.

use std::collections::{BTreeMap, HashMap};

use crate::decide::{Context, Decision, Method};
use crate::event::Draft;
use crate::event::ledger::{
    AccountKind, BALANCING_DEBIT, CAPTURE_HOLD, CREDITS_LIMITED, DEBITS_LIMITED, HoldRow, LINKED,
    PLACE_HOLD, TransferRow, TransfersApplied, VOID_HOLD,
};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::ledger::{Account, Hold, hold_content, transfer_content};
use crate::wire::columns::{Column32, Column64, Columns};

use super::ROWS_MAX;

/// The columns of a request.
struct Rows<'a> {
    id_high: Column64<'a>,
    id_low: Column64<'a>,
    debit: Column32<'a>,
    credit: Column32<'a>,
    amount: Column64<'a>,
    code_flags: Column32<'a>,
    hold: Option<(Column64<'a>, Column64<'a>)>,
    expires: Option<Column64<'a>>,
}

/// What became of one row.
enum Decided {
    Transfer(TransferRow),
    Hold(HoldRow),
    Repeated,
    Refused(Rejection),
}

/// Changes of this request on top of the state.
struct Overlay<'a> {
    state: &'a State,
    now_ms: u64,
    accounts: HashMap<u32, Account>,
    transfers: HashMap<Id, u64>,
    /// `None`: finished within the request.
    holds: BTreeMap<Id, Option<Hold>>,
}

/// Places of the overlay before a chain of rows; `None`: nothing of the request stood there.
#[derive(Default)]
struct Before {
    accounts: Vec<(u32, Option<Account>)>,
    transfers: Vec<(Id, Option<u64>)>,
    holds: Vec<(Id, Option<Option<Hold>>)>,
}

pub fn submit_transfers(state: &State, context: &Context<'_>, request: &[u8]) -> Decision {
    let columns = Columns::parse(Method::SubmitTransfers.request_name(), request)?;
    let count = columns.scalar(2) as usize;
    if count == 0 {
        return refuse(Rejection::FieldMissing, "row_count", 0);
    }
    if count > ROWS_MAX {
        return refuse(Rejection::BatchTooLarge, "row_count", count);
    }
    let rows = Rows::read(&columns, count)?;
    let mut overlay = Overlay {
        state,
        now_ms: context.now_ms,
        accounts: HashMap::with_capacity(count.min(1024)),
        transfers: HashMap::with_capacity(count),
        holds: BTreeMap::new(),
    };
    let decided = overlay.decide_all(&rows, count);
    let mut event = TransfersApplied {
        refused: Vec::new(),
        repeated: Vec::new(),
        transfers: Vec::with_capacity(count),
        holds: vec![],
    };
    for (at, row) in decided.into_iter().enumerate() {
        match row {
            Decided::Transfer(row) => event.transfers.push(row),
            Decided::Hold(row) => event.holds.push(row),
            Decided::Repeated => event.repeated.push(at as u16),
            Decided::Refused(code) => event.refused.push((at as u16, code as i32 as u16)),
        }
    }
    if event.transfers.is_empty() && event.holds.is_empty() && event.repeated.is_empty() {
        let (row, code) = event.refused[0];
        let code = Rejection::try_from(i32::from(code)).unwrap_or_default();
        return refuse(
            code,
            format!("rows[{row}]"),
            format!("all {count} rows refused, this first"),
        );
    }
    Ok(vec![Draft::first(rows.id(0), event)])
}

impl<'a> Rows<'a> {
    fn read(columns: &Columns<'a>, count: usize) -> Result<Self, Refusal> {
        let high = columns.optional64(9, "hold_id_high", count)?;
        let low = columns.optional64(10, "hold_id_low", count)?;
        if high.is_some() != low.is_some() {
            return refuse(
                Rejection::ColumnLengthMismatch,
                "hold_id_low",
                "both halves or none",
            );
        }
        Ok(Self {
            id_high: columns.fixed64(3, "id_high", count)?,
            id_low: columns.fixed64(4, "id_low", count)?,
            debit: columns.fixed32(5, "debit_account", count)?,
            credit: columns.fixed32(6, "credit_account", count)?,
            amount: columns.fixed64(7, "amount_minor", count)?,
            code_flags: columns.fixed32(8, "code_flags", count)?,
            hold: high.zip(low),
            expires: columns.optional64(11, "expires_at_ms", count)?,
        })
    }

    fn id(&self, row: usize) -> Id {
        Id::from_halves(self.id_high.get(row), self.id_low.get(row))
    }

    fn transfer(&self, row: usize) -> TransferRow {
        let code_flags = self.code_flags.get(row);
        TransferRow {
            transfer_id: self.id(row),
            debit: self.debit.get(row),
            credit: self.credit.get(row),
            amount: self.amount.get(row),
            code: code_flags as u16,
            flags: (code_flags >> 16) as u16,
        }
    }

    fn hold_id(&self, row: usize) -> Id {
        self.hold.map_or(Id::ZERO, |(high, low)| {
            Id::from_halves(high.get(row), low.get(row))
        })
    }
}

impl Overlay<'_> {
    fn decide_all(&mut self, rows: &Rows<'_>, count: usize) -> Vec<Decided> {
        let mut decided: Vec<Decided> = Vec::with_capacity(count);
        let mut at = 0;
        while at < count {
            let mut end = at;
            while end + 1 < count && rows.transfer(end).flags & LINKED != 0 {
                end += 1;
            }
            if end == at {
                let row = self.decide_row(rows, at);
                decided.push(row);
            } else {
                decided.extend(self.decide_chain(rows, at, end + 1));
            }
            at = end + 1;
        }
        decided
    }

    /// Linked rows: when one is refused, so are all, and nothing of them stands.
    fn decide_chain(&mut self, rows: &Rows<'_>, from: usize, until: usize) -> Vec<Decided> {
        let before = self.before(rows, from, until);
        let chain: Vec<Decided> = (from..until).map(|at| self.decide_row(rows, at)).collect();
        let refused = chain.iter().find_map(|row| match row {
            Decided::Refused(code) => Some(*code),
            _ => None,
        });
        match refused {
            None => chain,
            Some(code) => {
                self.restore(before);
                (from..until).map(|_| Decided::Refused(code)).collect()
            }
        }
    }

    /// What the rows may change, as it stands now: a copy of everything for every chain would cost the square of the rows.
    fn before(&self, rows: &Rows<'_>, from: usize, until: usize) -> Before {
        let mut before = Before::default();
        for at in from..until {
            let (row, hold_id) = (rows.transfer(at), rows.hold_id(at));
            let held = match self.holds.get(&hold_id) {
                Some(held) => held.as_ref(),
                None => self.state.ledger.hold(hold_id),
            };
            let of_hold = held.map(|held| [held.debit, held.credit]);
            for account in [row.debit, row.credit]
                .into_iter()
                .chain(of_hold.into_iter().flatten())
            {
                let now = self.accounts.get(&account).cloned();
                before.accounts.push((account, now));
            }
            let now = self.transfers.get(&row.transfer_id).copied();
            before.transfers.push((row.transfer_id, now));
            for hold in [row.transfer_id, hold_id] {
                before.holds.push((hold, self.holds.get(&hold).cloned()));
            }
        }
        before
    }

    fn restore(&mut self, before: Before) {
        for (account, then) in before.accounts {
            match then {
                Some(then) => drop(self.accounts.insert(account, then)),
                None => drop(self.accounts.remove(&account)),
            }
        }
        for (transfer_id, then) in before.transfers {
            match then {
                Some(then) => drop(self.transfers.insert(transfer_id, then)),
                None => drop(self.transfers.remove(&transfer_id)),
            }
        }
        for (hold_id, then) in before.holds {
            match then {
                Some(then) => drop(self.holds.insert(hold_id, then)),
                None => drop(self.holds.remove(&hold_id)),
            }
        }
    }

    fn decide_row(&mut self, rows: &Rows<'_>, at: usize) -> Decided {
        let row = rows.transfer(at);
        let result = match row.flags & (PLACE_HOLD | CAPTURE_HOLD | VOID_HOLD) {
            0 => self.transfer(row),
            PLACE_HOLD => self.place(row, rows.expires.map_or(0, |expires| expires.get(at))),
            CAPTURE_HOLD | VOID_HOLD => self.finish(row, rows.hold_id(at)),
            _ => Err(Rejection::FieldInvalid),
        };
        result.unwrap_or_else(Decided::Refused)
    }

    fn known(&self, id: Id) -> Option<u64> {
        self.transfers
            .get(&id)
            .copied()
            .or_else(|| self.state.ledger.transfer(id))
    }

    /// Whether the id is new, or the same row came before.
    fn check_id(&self, id: Id, content: u64) -> Result<bool, Rejection> {
        match self.known(id) {
            Some(known) if known == content => Ok(true),
            Some(_) => Err(Rejection::TransferExistsDifferent),
            None if Id::parse(&id.0).is_none() => Err(Rejection::FieldInvalid),
            None if !id.is_in_window(self.now_ms) => Err(Rejection::IdOutOfWindow),
            None => Ok(false),
        }
    }

    fn account(&self, index: u32) -> Result<&Account, Rejection> {
        let account = self
            .accounts
            .get(&index)
            .or_else(|| self.state.ledger.get(index));
        let account = account.ok_or(Rejection::UnknownAccount)?;
        if account.kind != AccountKind::Partner {
            return Err(Rejection::AccountOfTheCorridor);
        }
        if account.is_closed {
            Err(Rejection::AccountClosed)
        } else {
            Ok(account)
        }
    }

    fn check_pair(&self, row: &TransferRow) -> Result<(), Rejection> {
        let (debit, credit) = (self.account(row.debit)?, self.account(row.credit)?);
        if row.debit == row.credit {
            return Err(Rejection::SameAccount);
        }
        if debit.currency != credit.currency {
            Err(Rejection::WrongCurrency)
        } else {
            Ok(())
        }
    }

    /// What the debit account's limit leaves.
    fn room(&self, row: &TransferRow) -> Result<u64, Rejection> {
        let (debit, credit) = (self.account(row.debit)?, self.account(row.credit)?);
        let mut room = u64::MAX >> 1;
        if debit.flags & DEBITS_LIMITED != 0 {
            room = room.min(
                debit
                    .credits_posted
                    .saturating_sub(debit.debits_posted + debit.debits_pending),
            );
        }
        if credit.flags & CREDITS_LIMITED != 0 {
            room = room.min(
                credit
                    .debits_posted
                    .saturating_sub(credit.credits_posted + credit.credits_pending),
            );
        }
        Ok(room)
    }

    fn transfer(&mut self, mut row: TransferRow) -> Result<Decided, Rejection> {
        // A balancing row's content is what was asked, so the same request again is recognised only when it moved all.
        if self.check_id(row.transfer_id, transfer_content(&row))? {
            return Ok(Decided::Repeated);
        }
        if row.amount == 0 || row.amount > u64::MAX >> 1 {
            return Err(Rejection::InvalidAmount);
        }
        self.check_pair(&row)?;
        let room = self.room(&row)?;
        if row.flags & BALANCING_DEBIT != 0 {
            row.amount = row.amount.min(room);
        }
        if row.amount > room || row.amount == 0 {
            return Err(Rejection::InsufficientFunds);
        }
        self.change(row.debit, row.credit, |debit, credit| {
            add(&mut debit.debits_posted, row.amount)?;
            add(&mut credit.credits_posted, row.amount)
        })?;
        self.transfers
            .insert(row.transfer_id, transfer_content(&row));
        Ok(Decided::Transfer(row))
    }

    fn place(&mut self, row: TransferRow, expires_at_ms: u64) -> Result<Decided, Rejection> {
        let hold = hold_row(&row, Id::ZERO, expires_at_ms, Step::NONE);
        if self.check_id(row.transfer_id, hold_content(&hold))? {
            return Ok(Decided::Repeated);
        }
        if row.amount == 0 || row.amount > u64::MAX >> 1 {
            return Err(Rejection::InvalidAmount);
        }
        self.check_pair(&row)?;
        if row.amount > self.room(&row)? {
            return Err(Rejection::InsufficientFunds);
        }
        self.change(row.debit, row.credit, |debit, credit| {
            add(&mut debit.debits_pending, row.amount)?;
            add(&mut credit.credits_pending, row.amount)
        })?;
        let (debit, credit, amount) = (row.debit, row.credit, row.amount);
        let placed = Hold {
            debit,
            credit,
            amount,
            expires_at_ms,
            placed: Step::NONE,
        };
        self.holds.insert(row.transfer_id, Some(placed));
        self.transfers.insert(row.transfer_id, hold_content(&hold));
        Ok(Decided::Hold(hold))
    }

    fn finish(&mut self, row: TransferRow, hold_id: Id) -> Result<Decided, Rejection> {
        let held = match self.holds.get(&hold_id) {
            Some(held) => held.clone(),
            None => self.state.ledger.hold(hold_id).cloned(),
        };
        let captures = row.flags & CAPTURE_HOLD != 0;
        let amount = match (&held, captures, row.amount) {
            (_, false, _) => 0,
            (Some(held), true, 0) => held.amount,
            (_, true, amount) => amount,
        };
        let (debit, credit) = held
            .as_ref()
            .map_or((row.debit, row.credit), |held| (held.debit, held.credit));
        let placed = held.as_ref().map_or(Step::NONE, |held| held.placed);
        let finished = hold_row(
            &TransferRow {
                debit,
                credit,
                amount,
                ..row.clone()
            },
            hold_id,
            0,
            placed,
        );
        if self.check_id(row.transfer_id, hold_content(&finished))? {
            return Ok(Decided::Repeated);
        }
        let is_finished =
            self.holds.contains_key(&hold_id) || self.state.ledger.is_finished(hold_id);
        let missing = if is_finished {
            Rejection::HoldFinished
        } else {
            Rejection::UnknownHold
        };
        let held = held.ok_or(missing)?;
        // A hold past its time can only be voided: engine time is the judge.
        if captures && held.expires_at_ms != 0 && held.expires_at_ms <= self.now_ms {
            return Err(Rejection::HoldFinished);
        }
        if amount > held.amount {
            return Err(Rejection::ExceedsHold);
        }
        self.change(held.debit, held.credit, |debit, credit| {
            debit.debits_pending -= held.amount;
            credit.credits_pending -= held.amount;
            add(&mut debit.debits_posted, amount)?;
            add(&mut credit.credits_posted, amount)
        })?;
        self.holds.insert(hold_id, None);
        self.transfers
            .insert(row.transfer_id, hold_content(&finished));
        Ok(Decided::Hold(finished))
    }

    /// Changes both accounts of a row, or neither when one of them refuses.
    fn change(
        &mut self,
        debit: u32,
        credit: u32,
        change: impl FnOnce(&mut Account, &mut Account) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let copy = |index: u32| {
            let account = self
                .accounts
                .get(&index)
                .or_else(|| self.state.ledger.get(index));
            account.cloned().ok_or(Rejection::UnknownAccount)
        };
        let (mut one, mut other) = (copy(debit)?, copy(credit)?);
        change(&mut one, &mut other)?;
        self.accounts.insert(debit, one);
        self.accounts.insert(credit, other);
        Ok(())
    }
}

fn add(total: &mut u64, amount: u64) -> Result<(), Rejection> {
    let sum = total
        .checked_add(amount)
        .filter(|sum| *sum <= u64::MAX >> 1);
    *total = sum.ok_or(Rejection::AmountOverflow)?;
    Ok(())
}

fn hold_row(row: &TransferRow, hold_id: Id, expires_at_ms: u64, previous: Step) -> HoldRow {
    HoldRow {
        transfer_id: row.transfer_id,
        debit: row.debit,
        credit: row.credit,
        amount: row.amount,
        code: row.code,
        flags: row.flags,
        hold_id,
        expires_at_ms,
        previous,
    }
}
