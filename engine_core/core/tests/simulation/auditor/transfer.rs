//! What becomes of every row of a request of transfers: moved, held, known, or refused by the first rule against it.

use whampoa_core::contract::whampoa::ledger::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::Event;
use whampoa_core::ids::Id;

use super::Tables;
use super::ledger::{Account, Content, Hold, LARGEST, Ledger};
use super::request::{self, is_in_window};
use super::verdict::{No, Told, Verdict, accepts, decode, refuses};
use crate::same;

const LINKED: u16 = 1;
const PLACE: u16 = 2;
const CAPTURE: u16 = 4;
const VOID: u16 = 8;
const BALANCING: u16 = 16;

/// One row of a request.
#[derive(Clone, Copy, Debug)]
struct Asked {
    id: Id,
    debit: u32,
    credit: u32,
    amount: u64,
    code_flags: u32,
    hold: Id,
    expires_at_ms: u64,
}

/// What becomes of one row.
#[derive(Debug, PartialEq)]
enum Outcome {
    Moved(Id, Content),
    Held(Id, Content),
    Repeated,
    Refused(Rejection),
}

/// How a row changed the tables, to take it back.
enum Undo {
    Account(u32, Account),
    Transfer(Id),
    Hold(Id, Option<Hold>),
}

/// Decides every row in order, on the tables themselves; they are put back before anybody looks.
pub fn submit_transfers(tables: &mut Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::SubmitTransfersRequest = decode(bytes)?;
    let rows = rows_of(&asked)?;
    let now_ms = tables.now_ms;
    let mut desk = Desk {
        ledger: &mut tables.ledger,
        now_ms,
        undo: Vec::new(),
    };
    let outcomes = desk.decide_all(&rows);
    desk.back_to(0);
    let all_refused = outcomes.iter().all(|it| matches!(it, Outcome::Refused(_)));
    if let (true, Outcome::Refused(code)) = (all_refused, &outcomes[0]) {
        return refuses(*code, "rows[0]");
    }
    accepts(move |told| check_transfers(told, &outcomes))
}

fn check_transfers(told: &Told<'_>, outcomes: &[Outcome]) {
    let Event::TransfersApplied(event) = told.only() else {
        panic!("transfers were asked for: {:?}", told.only());
    };
    let flags = |code: u16, flags: u16| u32::from(code) | u32::from(flags) << 16;
    let mut moved: Vec<(Id, Content)> = Vec::new();
    moved.extend(event.transfers.iter().map(|row| {
        let code_flags = flags(row.code, row.flags);
        let content = (
            row.debit,
            row.credit,
            u128::from(row.amount),
            code_flags,
            Id::ZERO,
            0,
        );
        (row.transfer_id, content)
    }));
    let mut held: Vec<(Id, Content)> = Vec::new();
    held.extend(event.holds.iter().map(|row| {
        let code_flags = flags(row.code, row.flags);
        let amount = u128::from(row.amount);
        let content = (
            row.debit,
            row.credit,
            amount,
            code_flags,
            row.hold_id,
            row.expires_at_ms,
        );
        (row.transfer_id, content)
    }));
    let (mut refused, mut repeated) = (Vec::new(), Vec::new());
    let (mut expected_moved, mut expected_held) = (Vec::new(), Vec::new());
    for (at, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Moved(id, content) => expected_moved.push((*id, *content)),
            Outcome::Held(id, content) => expected_held.push((*id, *content)),
            Outcome::Repeated => repeated.push(at as u32),
            Outcome::Refused(code) => refused.push((at as u32, *code as i32 as u32)),
        }
    }
    same!(moved, expected_moved, "law 1: transfers applied");
    same!(held, expected_held, "law 1: holds");
    let reply: proto::SubmitTransfersResponse = told.reply();
    let told_refused: Vec<(u32, u32)> = reply
        .refused_rows
        .iter()
        .copied()
        .zip(reply.refused_codes.iter().copied())
        .collect();
    same!(told_refused, refused, "rows refused");
    same!(reply.repeated_rows, repeated, "law 8: rows repeated");
    same!(
        reply.accepted as usize,
        moved.len() + held.len(),
        "rows accepted"
    );
}

fn rows_of(asked: &proto::SubmitTransfersRequest) -> Result<Vec<Asked>, No> {
    let count = asked.row_count as usize;
    if count == 0 {
        return refuses(Rejection::FieldMissing, "row_count");
    }
    if count > 8_192 {
        return refuses(Rejection::BatchTooLarge, "row_count");
    }
    let join = |high: u64, low: u64| Id((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    let or = |column: &[u64], at: usize| column.get(at).copied().unwrap_or(0);
    let full = [
        asked.id_high.len(),
        asked.id_low.len(),
        asked.amount_minor.len(),
    ];
    let narrow = [
        asked.debit_account.len(),
        asked.credit_account.len(),
        asked.code_flags.len(),
    ];
    let spare = [
        asked.hold_id_high.len(),
        asked.hold_id_low.len(),
        asked.expires_at_ms.len(),
    ];
    if full.iter().chain(&narrow).any(|it| *it != count)
        || spare.iter().any(|it| *it != 0 && *it != count)
        || spare[0] != spare[1]
    {
        return Err(No::Unjudged);
    }
    Ok((0..count)
        .map(|at| Asked {
            id: join(asked.id_high[at], asked.id_low[at]),
            debit: asked.debit_account[at],
            credit: asked.credit_account[at],
            amount: asked.amount_minor[at],
            code_flags: asked.code_flags[at],
            hold: join(or(&asked.hold_id_high, at), or(&asked.hold_id_low, at)),
            expires_at_ms: or(&asked.expires_at_ms, at),
        })
        .collect())
}

/// Rows of one request at work.
struct Desk<'a> {
    ledger: &'a mut Ledger,
    now_ms: u64,
    undo: Vec<Undo>,
}

impl Desk<'_> {
    /// Rows that are linked stand and fall together; the code of the first that fails is told of all.
    fn decide_all(&mut self, rows: &[Asked]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut from = 0;
        while from < rows.len() {
            let is_linked = |row: &Asked| (row.code_flags >> 16) as u16 & LINKED != 0;
            let mut until = from + 1;
            while until < rows.len() && is_linked(&rows[until - 1]) {
                until += 1;
            }
            let mark = self.undo.len();
            let mut chain: Vec<Outcome> = Vec::new();
            for row in &rows[from..until] {
                chain.push(self.decide(row).unwrap_or_else(Outcome::Refused));
            }
            let refused = chain.iter().find_map(|outcome| match outcome {
                Outcome::Refused(code) => Some(*code),
                _ => None,
            });
            if let Some(code) = refused {
                self.back_to(mark);
                chain = chain.iter().map(|_| Outcome::Refused(code)).collect();
            }
            outcomes.extend(chain);
            from = until;
        }
        outcomes
    }

    fn back_to(&mut self, mark: usize) {
        for undo in self.undo.drain(mark..).rev() {
            match undo {
                Undo::Account(at, before) => self.ledger.accounts[at as usize] = before,
                Undo::Transfer(id) => drop(self.ledger.transfers.remove(&id)),
                Undo::Hold(id, None) => drop(self.ledger.holds.remove(&id)),
                Undo::Hold(id, Some(before)) => drop(self.ledger.holds.insert(id, before)),
            }
        }
    }

    fn decide(&mut self, row: &Asked) -> Result<Outcome, Rejection> {
        let flags = (row.code_flags >> 16) as u16;
        match (flags & PLACE != 0, flags & CAPTURE != 0, flags & VOID != 0) {
            (false, false, false) => self.transfer(row, flags & BALANCING != 0),
            (true, false, false) => self.place(row),
            (false, true, false) => self.finish(row, true),
            (false, false, true) => self.finish(row, false),
            _ => Err(Rejection::FieldInvalid),
        }
    }

    /// True when the very same came before.
    fn is_repeated(&self, id: Id, content: &Content) -> Result<bool, Rejection> {
        match self.ledger.transfers.get(&id) {
            Some(before) if before == content => Ok(true),
            Some(_) => Err(Rejection::TransferExistsDifferent),
            None if request::id(&id.0).is_none() => Err(Rejection::FieldInvalid),
            None if !is_in_window(id, self.now_ms) => Err(Rejection::IdOutOfWindow),
            None => Ok(false),
        }
    }

    /// What both accounts have room for.
    fn room(&self, row: &Asked) -> Result<u128, Rejection> {
        let find = |index: u32| match self.ledger.accounts.get(index as usize) {
            None => Err(Rejection::UnknownAccount),
            Some(account) if !account.is_partners => Err(Rejection::AccountOfTheCorridor),
            Some(account) if account.is_closed => Err(Rejection::AccountClosed),
            Some(account) => Ok(account),
        };
        let (debit, credit) = (find(row.debit)?, find(row.credit)?);
        if row.debit == row.credit {
            return Err(Rejection::SameAccount);
        }
        if debit.key.3 != credit.key.3 {
            return Err(Rejection::WrongCurrency);
        }
        Ok(debit.room(true).min(credit.room(false)))
    }

    fn amount(row: &Asked) -> Result<u128, Rejection> {
        match u128::from(row.amount) {
            amount if amount == 0 || amount > LARGEST => Err(Rejection::InvalidAmount),
            amount => Ok(amount),
        }
    }

    fn transfer(&mut self, row: &Asked, is_balancing: bool) -> Result<Outcome, Rejection> {
        let asked = u128::from(row.amount);
        let mut content = (row.debit, row.credit, asked, row.code_flags, Id::ZERO, 0);
        if self.is_repeated(row.id, &content)? {
            return Ok(Outcome::Repeated);
        }
        Self::amount(row)?;
        let room = self.room(row)?;
        let amount = if is_balancing { asked.min(room) } else { asked };
        if amount == 0 || amount > room {
            return Err(Rejection::InsufficientFunds);
        }
        self.change([row.debit, row.credit], |debit, credit| {
            debit.debits += amount;
            credit.credits += amount;
        })?;
        content.2 = amount;
        Ok(Outcome::Moved(row.id, self.note(row.id, content)))
    }

    fn place(&mut self, row: &Asked) -> Result<Outcome, Rejection> {
        let amount = u128::from(row.amount);
        let content = (
            row.debit,
            row.credit,
            amount,
            row.code_flags,
            Id::ZERO,
            row.expires_at_ms,
        );
        if self.is_repeated(row.id, &content)? {
            return Ok(Outcome::Repeated);
        }
        Self::amount(row)?;
        if amount > self.room(row)? {
            return Err(Rejection::InsufficientFunds);
        }
        self.change([row.debit, row.credit], |debit, credit| {
            debit.debits_held += amount;
            credit.credits_held += amount;
        })?;
        let (debit, credit, expires_at_ms) = (row.debit, row.credit, row.expires_at_ms);
        let hold = Hold {
            debit,
            credit,
            amount,
            expires_at_ms,
            is_finished: false,
        };
        self.undo
            .push(Undo::Hold(row.id, self.ledger.holds.insert(row.id, hold)));
        Ok(Outcome::Held(row.id, self.note(row.id, content)))
    }

    fn finish(&mut self, row: &Asked, captures: bool) -> Result<Outcome, Rejection> {
        let hold = self.ledger.holds.get(&row.hold).cloned();
        let open = hold.as_ref().filter(|hold| !hold.is_finished);
        let amount = match (captures, row.amount, open) {
            (false, _, _) => 0,
            (true, 0, Some(hold)) => hold.amount,
            (true, amount, _) => u128::from(amount),
        };
        let (debit, credit) = open.map_or((row.debit, row.credit), |it| (it.debit, it.credit));
        let content = (debit, credit, amount, row.code_flags, row.hold, 0);
        // A hold's own accounts stand in the row that ended it, whatever a repeat says.
        let repeats = |before: &Content| *before == content;
        if let Some(before) = self.ledger.transfers.get(&row.id) {
            return match repeats(before) {
                true => Ok(Outcome::Repeated),
                false => Err(Rejection::TransferExistsDifferent),
            };
        }
        self.is_repeated(row.id, &content)?;
        let hold = hold.ok_or(Rejection::UnknownHold)?;
        let is_late = hold.expires_at_ms != 0 && hold.expires_at_ms <= self.now_ms;
        if hold.is_finished || captures && is_late {
            return Err(Rejection::HoldFinished);
        }
        if amount > hold.amount {
            return Err(Rejection::ExceedsHold);
        }
        self.change([debit, credit], |debit, credit| {
            debit.debits_held -= hold.amount;
            credit.credits_held -= hold.amount;
            debit.debits += amount;
            credit.credits += amount;
        })?;
        let finished = Hold {
            is_finished: true,
            ..hold.clone()
        };
        self.ledger.holds.insert(row.hold, finished);
        self.undo.push(Undo::Hold(row.hold, Some(hold)));
        Ok(Outcome::Held(row.id, self.note(row.id, content)))
    }

    fn note(&mut self, id: Id, content: Content) -> Content {
        self.ledger.transfers.insert(id, content);
        self.undo.push(Undo::Transfer(id));
        content
    }

    /// Changes two accounts; a total that leaves 63 bits changes neither.
    fn change(
        &mut self,
        [debit, credit]: [u32; 2],
        change: impl FnOnce(&mut Account, &mut Account),
    ) -> Result<(), Rejection> {
        let (mut one, mut other) = (
            self.ledger.accounts[debit as usize].clone(),
            self.ledger.accounts[credit as usize].clone(),
        );
        change(&mut one, &mut other);
        if [
            one.debits,
            one.debits_held,
            other.credits,
            other.credits_held,
        ]
        .iter()
        .any(|it| *it > LARGEST)
        {
            return Err(Rejection::AmountOverflow);
        }
        for (at, after) in [(debit, one), (credit, other)] {
            let before = std::mem::replace(&mut self.ledger.accounts[at as usize], after);
            self.undo.push(Undo::Account(at, before));
        }
        Ok(())
    }
}
