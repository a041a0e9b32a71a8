//! Remittances and law 3: every unit that was credited is allocated, in suspense, returned, or taken as a charge.

use std::collections::{BTreeMap, BTreeSet};

use whampoa_core::contract::whampoa::forex::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::clearing::AllocationRow;
use whampoa_core::event::forex::{RemittanceRecalled, RemittanceRecorded, RemittanceRow};
use whampoa_core::event::ledger::AccountKind;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};
use whampoa_core::money::Currency;

use super::Tables;
use super::books::Books;
use super::review::Review;
use super::verdict::{No, Verdict, accepts, decode, id_in, positive, refuses};
use crate::same;

/// A merchant's part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    pub allocated: i64,
    /// With the bank, not answered yet.
    pub waiting: i64,
    pub converted: i64,
    pub debt: i64,
}

impl Share {
    pub fn unconverted(&self) -> i64 {
        self.allocated - self.waiting - self.converted
    }
}

/// Money that stands at a trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub trade: Id,
    pub merchant: u32,
    pub amount: i64,
    pub used: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Remittance {
    pub enterprise: u32,
    pub currency: u16,
    pub credited: i64,
    pub allocated: i64,
    pub suspense: i64,
    pub returned: i64,
    pub charges: i64,
    pub converted: i64,
    pub debt: i64,
    pub review: Review,
    pub shares: BTreeMap<u32, Share>,
    pub placed: Vec<Placed>,
    /// Rate of the newest conversion.
    pub rate_e8: i64,
    pub last: Step,
}

impl Remittance {
    /// Puts money to a trade, or takes back what stands there: the newest that is large enough.
    fn place(&mut self, id: Id, row: &AllocationRow) {
        assert!(
            row.amount_minor >= 0,
            "law 3: {} of remittance {id}",
            row.amount_minor
        );
        let share = self.shares.entry(row.merchant).or_default();
        if !row.is_undo {
            share.allocated += row.amount_minor;
            self.placed.push(Placed {
                trade: row.trade_id,
                merchant: row.merchant,
                amount: row.amount_minor,
                used: row.used_minor,
            });
            return;
        }
        share.allocated -= row.amount_minor;
        let fits = |placed: &Placed| {
            placed.trade == row.trade_id
                && placed.merchant == row.merchant
                && placed.amount >= row.amount_minor
                && placed.used >= row.used_minor
        };
        let Some(at) = self.placed.iter().rposition(fits) else {
            panic!(
                "law 2: {} and {} of trade {} are taken back from remittance {id}, which never put them there",
                row.amount_minor, row.used_minor, row.trade_id
            );
        };
        let placed = &mut self.placed[at];
        placed.amount -= row.amount_minor;
        placed.used -= row.used_minor;
        if placed.amount == 0 && placed.used == 0 {
            self.placed.remove(at);
        }
    }

    /// Law 3, and a row that says the same.
    fn row(&mut self, row: &RemittanceRow, step: Step) {
        let id = row.remittance_id;
        let parts = [self.allocated, self.suspense, self.returned, self.charges];
        assert!(
            parts.iter().all(|part| *part >= 0)
                && parts.iter().map(|part| i128::from(*part)).sum::<i128>()
                    == i128::from(self.credited)
                && (0..=self.allocated).contains(&self.converted),
            "law 3: remittance {id}: credited {}, allocated, suspense, returned and charges {parts:?}",
            self.credited
        );
        let shared: i64 = self.shares.values().map(|share| share.allocated).sum();
        same!(shared, self.allocated, "law 4: shares of remittance {id}");
        let told = (
            (row.credited_minor, row.allocated_minor, row.suspense_minor),
            (row.returned_minor, row.charges_after_minor),
            (row.converted_minor, row.debt_minor),
            (row.service_enterprise, row.currency.0),
        );
        let expected = (
            (self.credited, self.allocated, self.suspense),
            (self.returned, self.charges),
            (self.converted, self.debt),
            (self.enterprise, self.currency),
        );
        same!(told, expected, "law 3: amounts of remittance {id}");
        same!(
            row.previous,
            self.last,
            "step before the one of remittance {id}"
        );
        self.last = step;
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remittances {
    all: BTreeMap<Id, Remittance>,
    /// References of the bank: each is given once.
    references: BTreeSet<String>,
    /// Times of the remittances of an enterprise.
    pub times: BTreeMap<u32, Vec<u64>>,
    /// Newest rate of a pair, and where it stands.
    rates: BTreeMap<(u16, u16), (i64, Step)>,
}

impl Remittances {
    pub fn get(&self, id: Id) -> Option<&Remittance> {
        self.all.get(&id)
    }

    pub fn at(&mut self, id: Id) -> &mut Remittance {
        self.all
            .get_mut(&id)
            .unwrap_or_else(|| panic!("law 3: remittance {id} is unknown"))
    }

    pub fn rate(&self, base: u16, quote: u16) -> Option<(i64, Step)> {
        self.rates.get(&(base, quote)).copied()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Id, &Remittance)> {
        self.all.iter()
    }

    /// The remittance of a field.
    pub fn named(&self, bytes: &[u8], field: &str) -> Result<(Id, &Remittance), No> {
        let id = id_in(bytes, field)?;
        match self.all.get(&id) {
            Some(remittance) => Ok((id, remittance)),
            None => refuses(Rejection::UnknownRemittance, field),
        }
    }

    pub fn is_reference_known(&self, reference: &str) -> bool {
        self.references.contains(reference)
    }

    pub fn rows(&mut self, rows: &[RemittanceRow], first: Step) {
        for (ordinal, row) in rows.iter().enumerate() {
            let step = Step {
                row: first.row + ordinal as u16,
                ..first
            };
            self.at(row.remittance_id).row(row, step);
        }
    }

    /// Allocation rows of one remittance, and the accounts that follow.
    pub fn place(&mut self, id: Id, rows: &[AllocationRow], books: &mut Books) {
        let remittance = self.at(id);
        let (enterprise, currency) = (remittance.enterprise, remittance.currency);
        for row in rows {
            remittance.place(id, row);
            let amount = if row.is_undo {
                -row.amount_minor
            } else {
                row.amount_minor
            };
            remittance.allocated += amount;
            let pair = (row.merchant, enterprise);
            books.of(pair, AccountKind::MerchantForeign, currency, amount);
        }
    }

    pub fn apply(&mut self, at: &At, event: &Event, books: &mut Books) {
        match event {
            Event::RemittanceRecorded(event) => self.record(at, event, books),
            Event::ChargeRecorded(event) => {
                let amount = self.leave(&event.remittances, event.amount_minor, books);
                self.at(at.case_id).charges += amount;
                self.rows(&event.remittances, at.step(0));
            }
            Event::SuspenseReturned(event) => {
                let amount = self.leave(&event.remittances, event.amount_minor, books);
                self.at(at.case_id).returned += amount;
                self.rows(&event.remittances, at.step(0));
            }
            Event::RemittanceRecalled(event) => self.recalled(at, event, books),
            Event::Allocated(event) => {
                let placed: i64 = event.allocations.iter().map(|row| row.amount_minor).sum();
                let remittance = self.at(event.remittance_id);
                remittance.suspense -= placed;
                books.own(
                    remittance.enterprise,
                    AccountKind::Suspense,
                    remittance.currency,
                    -placed,
                );
                self.place(event.remittance_id, &event.allocations, books);
                self.rows(&event.remittances, at.step(0));
            }
            Event::ClawbackSettled(event) => {
                let mut rows = &event.allocations[..];
                for moved in &event.moves {
                    let (own, rest) = rows.split_at(moved.rows as usize);
                    self.place(moved.remittance_id, own, books);
                    let remittance = self.at(moved.remittance_id);
                    let net = own
                        .iter()
                        .map(|row| if row.is_undo { -1 } else { 1 } * row.amount_minor);
                    same!(
                        net.sum::<i64>(),
                        0,
                        "law 3: what {} moves nets to",
                        moved.remittance_id
                    );
                    assert!(remittance.allocated >= 0, "law 3: {remittance:?}");
                    rows = rest;
                }
            }
            Event::RatePublished(event) => {
                let rate = (event.rate_e8, at.step(0));
                self.rates.insert((event.base.0, event.quote.0), rate);
            }
            _ => {}
        }
    }

    fn record(&mut self, at: &At, event: &RemittanceRecorded, books: &mut Books) {
        use AccountKind::{ServiceBankForeign, Suspense};
        let row = event.remittances.first().expect("a remittance has a row");
        let (enterprise, currency) = (row.service_enterprise, row.currency.0);
        books.own(enterprise, Suspense, currency, row.credited_minor);
        books.own(
            enterprise,
            ServiceBankForeign,
            currency,
            -row.credited_minor,
        );
        let (instructed, before) = (event.instructed_minor, event.charges_before_minor);
        same!(
            instructed - before,
            row.credited_minor,
            "law 3: instructed less charges"
        );
        self.references.insert(event.bank_reference.clone());
        self.times.entry(enterprise).or_default().push(at.time_ms);
        let mut remittance = Remittance {
            enterprise,
            currency,
            credited: row.credited_minor,
            allocated: 0,
            suspense: row.credited_minor,
            returned: 0,
            charges: 0,
            converted: 0,
            debt: 0,
            review: Review::begin(event.outcome),
            shares: BTreeMap::new(),
            placed: Vec::new(),
            rate_e8: 0,
            last: Step::NONE,
        };
        remittance.row(row, at.step(0));
        let other = self.all.insert(row.remittance_id, remittance);
        assert!(
            other.is_none(),
            "law 3: {} is recorded twice",
            row.remittance_id
        );
    }

    fn recalled(&mut self, at: &At, event: &RemittanceRecalled, books: &mut Books) {
        use AccountKind::{MerchantDebt, ServiceBankForeign, Suspense};
        let id = event.remittance_id;
        self.place(id, &event.allocations, books);
        let undone: i64 = event.allocations.iter().map(|row| row.amount_minor).sum();
        let owed: i64 = event.debts.iter().map(|row| row.amount_minor).sum();
        let suspense = event.from_suspense_minor;
        let remittance = self.at(id);
        let (enterprise, currency) = (remittance.enterprise, remittance.currency);
        remittance.suspense -= suspense;
        remittance.returned += suspense + undone;
        remittance.debt += owed;
        for row in &event.debts {
            remittance.shares.entry(row.merchant).or_default().debt += row.amount_minor;
            let pair = (row.merchant, enterprise);
            books.of(pair, MerchantDebt, currency, -row.amount_minor);
        }
        books.own(enterprise, Suspense, currency, -suspense);
        books.own(
            enterprise,
            ServiceBankForeign,
            currency,
            suspense + undone + owed,
        );
        self.rows(&event.remittances, at.step(0));
    }

    /// Money that leaves suspense and the bank.
    fn leave(&mut self, rows: &[RemittanceRow], amount: i64, books: &mut Books) -> i64 {
        let remittance = self.at(rows.first().expect("a step has a row").remittance_id);
        remittance.suspense -= amount;
        let (enterprise, currency) = (remittance.enterprise, remittance.currency);
        books.own(enterprise, AccountKind::Suspense, currency, -amount);
        books.own(
            enterprise,
            AccountKind::ServiceBankForeign,
            currency,
            amount,
        );
        amount
    }
}

/// Charges and returns: out of suspense only, and nothing goes back while officers look at it.
pub fn charge(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RecordChargeRequest = decode(bytes)?;
    let (id, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    let amount = positive(asked.amount_minor, "amount_minor")?;
    if amount > remittance.suspense {
        return refuses(Rejection::ExceedsSuspense, "amount_minor");
    }
    accepts(move |told| {
        let Event::ChargeRecorded(event) = told.only() else {
            panic!("a charge was told: {:?}", told.only());
        };
        same!(
            (told.entries[0].0.case_id, event.amount_minor),
            (id, amount),
            "law 3: charge"
        );
    })
}

pub fn give_back(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::ReturnSuspenseRequest = decode(bytes)?;
    let (id, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    let amount = positive(asked.amount_minor, "amount_minor")?;
    if remittance.review.is_waiting() {
        return refuses(Rejection::ReviewPending, "remittance_id");
    }
    if amount > remittance.suspense {
        return refuses(Rejection::ExceedsSuspense, "amount_minor");
    }
    accepts(move |told| {
        let Event::SuspenseReturned(event) = told.only() else {
            panic!("a return was asked for: {:?}", told.only());
        };
        same!(
            (told.entries[0].0.case_id, event.amount_minor),
            (id, amount),
            "law 3: return"
        );
    })
}

/// Suspense first, then what is not converted, newest first, then a debt of those whose money was.
pub fn recall(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RecallRemittanceRequest = decode(bytes)?;
    let (id, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    let amount = positive(asked.amount_minor, "amount_minor")?;
    let gone = remittance.returned + remittance.charges + remittance.debt;
    if amount > remittance.credited - gone {
        return refuses(Rejection::ExceedsCredited, "amount_minor");
    }
    let suspense = amount.min(remittance.suspense);
    let (mut left, mut undone) = (amount - suspense, Vec::new());
    let mut free: BTreeMap<u32, i64> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.unconverted()))
        .collect();
    for placed in remittance.placed.iter().rev() {
        let part = placed.amount.min(left).min(free[&placed.merchant]);
        if part > 0 {
            left -= part;
            *free.entry(placed.merchant).or_default() -= part;
            let used = i128::from(placed.used) * i128::from(part) / i128::from(placed.amount);
            undone.push((placed.trade, placed.merchant, part, used as i64));
        }
    }
    let weights: Vec<(u32, i64)> = remittance
        .shares
        .iter()
        .map(|(merchant, it)| (*merchant, it.converted - it.debt))
        .collect();
    if left > weights.iter().map(|(_, weight)| weight).sum() {
        return refuses(Rejection::ConversionPending, "amount_minor");
    }
    let debts = tables.share_capped(left, &weights);
    accepts(move |told| {
        let (mut rows, mut owed) = (Vec::new(), Vec::new());
        for (_, event) in told.entries {
            let Event::RemittanceRecalled(event) = event else {
                panic!("a recall was told: {event:?}");
            };
            let allocations = event.allocations.iter();
            assert!(
                event.allocations.iter().all(|row| row.is_undo),
                "law 3: {id} allocates"
            );
            rows.extend(
                allocations.map(|it| (it.trade_id, it.merchant, it.amount_minor, it.used_minor)),
            );
            owed.extend(event.debts.iter().map(|it| (it.merchant, it.amount_minor)));
        }
        same!(
            rows,
            undone,
            "law 3: allocations undone by the recall of {id}"
        );
        same!(owed, debts, "law 3: debts by the recall of {id}");
        let reply: proto::RecallRemittanceResponse = told.reply();
        let taken = (
            reply.from_suspense_minor,
            reply.from_allocations_minor,
            reply.debt_minor,
        );
        let expected = (suspense, amount - suspense - left, left);
        same!(taken, expected, "law 3: parts of the recall of {id}");
    })
}

pub fn publish_rate(bytes: &[u8]) -> Verdict {
    let asked: proto::PublishRateRequest = decode(bytes)?;
    let Some(rate) = asked.rate else {
        return refuses(Rejection::FieldMissing, "rate");
    };
    let Some(base) = Currency::from_iso(&rate.base) else {
        return refuses(Rejection::UnknownCurrency, "rate.base");
    };
    let Some(quote) = Currency::from_iso(&rate.quote) else {
        return refuses(Rejection::UnknownCurrency, "rate.quote");
    };
    if base == quote {
        return refuses(Rejection::FieldInvalid, "rate.quote");
    }
    let rate_e8 = positive(rate.rate_e8, "rate.rate_e8")?;
    accepts(move |told| {
        let Event::RatePublished(event) = told.only() else {
            panic!("a rate was told: {:?}", told.only());
        };
        same!(
            (event.base, event.quote, event.rate_e8),
            (base, quote, rate_e8),
            "rate"
        );
    })
}
