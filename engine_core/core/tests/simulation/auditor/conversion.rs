//! Conversions: foreign money of merchants becomes CNY of the same merchants, to the last fen (law 4).

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::forex::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::event::forex::{ConversionConfirmed, ConversionRequested};
use whampoa_core::event::ledger::AccountKind;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};
use whampoa_core::money::Currency;
use whampoa_core::share::Claim;

use super::Tables;
use super::books::CNY;
use super::payout;
use super::request::is_in_window;
use super::verdict::{No, Verdict, accepts, decode, id_in, positive, refuses};
use crate::reference;
use crate::same;

#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Requested,
    Confirmed,
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    pub remittance: Id,
    pub enterprise: u32,
    pub currency: u16,
    pub amount: i64,
    pub shares: BTreeMap<u32, i64>,
    distributed: BTreeMap<u32, i64>,
    pub state: State,
    pub last: Step,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversions {
    all: BTreeMap<Id, Conversion>,
}

impl Conversions {
    pub fn get(&self, id: Id) -> Option<&Conversion> {
        self.all.get(&id)
    }

    fn requested(&self, bytes: &[u8]) -> Result<(Id, &Conversion), No> {
        let id = id_in(bytes, "conversion_id")?;
        match self.all.get(&id) {
            None => refuses(Rejection::UnknownConversion, "conversion_id"),
            Some(known) if known.state == State::Requested => Ok((id, known)),
            Some(_) => refuses(Rejection::ConversionFinished, "conversion_id"),
        }
    }
}

pub fn apply(tables: &mut Tables, at: &At, event: &Event) {
    match event {
        Event::ConversionRequested(event) => requested(tables, at, event),
        Event::ConversionConfirmed(event) => confirmed(tables, at, event),
        Event::ConversionFailed(event) => {
            let row = event.conversions.first().expect("a step has a row");
            let conversion = tables
                .conversions
                .all
                .get_mut(&row.conversion_id)
                .expect("known");
            same!(
                row.previous,
                conversion.last,
                "step before the one of {}",
                row.conversion_id
            );
            conversion.state = State::Failed;
            conversion.last = at.step(0);
            let remittance = tables.remittances.at(conversion.remittance);
            for (merchant, amount) in &conversion.shares {
                remittance.shares.entry(*merchant).or_default().waiting -= amount;
            }
        }
        _ => {}
    }
}

fn requested(tables: &mut Tables, at: &At, event: &ConversionRequested) {
    for row in &event.conversions {
        let conversion = Conversion {
            remittance: row.remittance_id,
            enterprise: row.service_enterprise,
            currency: row.currency.0,
            amount: row.amount_minor,
            shares: BTreeMap::new(),
            distributed: BTreeMap::new(),
            state: State::Requested,
            last: at.step(0),
        };
        let other = tables.conversions.all.insert(row.conversion_id, conversion);
        assert!(
            other.is_none(),
            "law 4: {} is requested twice",
            row.conversion_id
        );
    }
    let conversion = tables
        .conversions
        .all
        .get_mut(&at.case_id)
        .expect("requested");
    let remittance = tables.remittances.at(conversion.remittance);
    for row in &event.shares {
        let share = remittance.shares.entry(row.merchant).or_default();
        share.waiting += row.amount_minor;
        assert!(
            row.amount_minor > 0 && share.unconverted() >= 0,
            "law 3: party {} converts {} of {share:?}",
            row.merchant,
            row.amount_minor
        );
        *conversion.shares.entry(row.merchant).or_default() += row.amount_minor;
    }
    if !at.continues {
        let sum: i64 = conversion.shares.values().sum();
        same!(
            sum,
            conversion.amount,
            "law 4: shares of conversion {}",
            at.case_id
        );
    }
}

fn confirmed(tables: &mut Tables, at: &At, event: &ConversionConfirmed) {
    let id = event.conversion_id;
    let conversion = tables
        .conversions
        .all
        .get_mut(&id)
        .expect("law 4: a conversion");
    assert_eq!(
        conversion.state,
        State::Requested,
        "law 4: conversion {id} ends twice"
    );
    let (enterprise, currency) = (conversion.enterprise, conversion.currency);
    for row in &event.distributions {
        let part = conversion.shares.get(&row.merchant).copied().unwrap_or(0);
        same!(
            row.amount_minor,
            part,
            "law 4: part of party {} in {id}",
            row.merchant
        );
        let other = conversion.distributed.insert(row.merchant, row.cny_minor);
        assert!(
            other.is_none(),
            "law 4: party {} shares twice in {id}",
            row.merchant
        );
        let pair = (row.merchant, enterprise);
        let books = &mut tables.books;
        books.of(pair, AccountKind::MerchantForeign, currency, -part);
        books.own(enterprise, AccountKind::ServiceBankForeign, currency, part);
        books.of(pair, AccountKind::MerchantCleared, CNY, row.cny_minor);
        books.own(enterprise, AccountKind::ServiceBankCny, CNY, -row.cny_minor);
    }
    let first = event.conversions.len();
    if let Some(row) = event.conversions.first() {
        same!(row.previous, conversion.last, "step before the one of {id}");
        let cny: i64 = conversion.distributed.values().sum();
        same!(cny, row.cny_minor, "law 4: CNY of conversion {id}");
        same!(
            conversion.distributed.len(),
            conversion.shares.len(),
            "law 4: parties of {id}"
        );
        conversion.state = State::Confirmed;
        conversion.last = at.step(0);
        let remittance = tables.remittances.at(conversion.remittance);
        remittance.converted += conversion.amount;
        remittance.rate_e8 = row.rate_e8;
        for (merchant, amount) in &conversion.shares {
            let share = remittance.shares.entry(*merchant).or_default();
            share.waiting -= amount;
            share.converted += amount;
        }
    }
    tables.remittances.rows(&event.remittances, at.step(first));
    let first = first + event.remittances.len() + event.distributions.len();
    payout::add(tables, at, &event.payouts, first);
}

pub fn request(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RequestConversionRequest = decode(bytes)?;
    let id = id_in(&asked.conversion_id, "conversion_id")?;
    if tables.conversions.get(id).is_some() {
        return refuses(Rejection::ConversionExistsDifferent, "conversion_id");
    }
    if !is_in_window(id, tables.now_ms) {
        return refuses(Rejection::IdOutOfWindow, "conversion_id");
    }
    let (_, remittance) = tables
        .remittances
        .named(&asked.remittance_id, "remittance_id")?;
    if remittance.currency == CNY {
        return refuses(Rejection::WrongCurrency, "remittance_id");
    }
    let open: Vec<(u32, i64)> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.unconverted()))
        .collect();
    let total: i64 = open.iter().map(|(_, amount)| amount).sum();
    let amount = match asked.amount_minor {
        0 => total,
        amount => positive(amount, "amount_minor")?,
    };
    if amount == 0 || amount > total {
        return refuses(Rejection::ExceedsAllocated, "amount_minor");
    }
    let shares = tables.share_capped(amount, &open);
    accepts(move |told| {
        let mut got = Vec::new();
        for (_, event) in told.entries {
            let Event::ConversionRequested(event) = event else {
                panic!("a conversion was asked for: {event:?}");
            };
            got.extend(
                event
                    .shares
                    .iter()
                    .map(|row| (row.merchant, row.amount_minor)),
            );
        }
        same!(got, shares, "law 4: shares of conversion {id} of {amount}");
        let reply: proto::RequestConversionResponse = told.reply();
        let sums = (reply.amount_minor, reply.merchants as usize);
        same!(
            sums,
            (amount, shares.len()),
            "law 4: totals of conversion {id}"
        );
    })
}

pub fn confirm(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::ConfirmConversionRequest = decode(bytes)?;
    let (id, conversion) = tables.conversions.requested(&asked.conversion_id)?;
    let cny = positive(asked.cny_minor, "cny_minor")?;
    let Some(rate) = asked.rate else {
        return refuses(Rejection::FieldMissing, "rate");
    };
    if rate.base != Currency(conversion.currency).iso() || rate.quote != "CNY" {
        return refuses(Rejection::WrongCurrency, "rate");
    }
    let rate_e8 = positive(rate.rate_e8, "rate.rate_e8")?;
    let (rows, paid, withheld) = distribution(tables, conversion, cny);
    let last = conversion.last;
    accepts(move |told| {
        let (mut got, mut payouts) = (Vec::new(), Vec::new());
        for (_, event) in told.entries {
            let Event::ConversionConfirmed(event) = event else {
                panic!("a conversion was confirmed: {event:?}");
            };
            let shared = event.distributions.iter();
            got.extend(shared.map(|row| (row.merchant, row.amount_minor, row.cny_minor)));
            payouts.extend(
                event
                    .payouts
                    .iter()
                    .map(|row| (row.merchant, row.cny_minor)),
            );
            let steps = event.payouts.iter().map(|row| row.previous);
            assert!(
                steps.into_iter().all(|it| it == last),
                "step before payouts of {id}"
            );
            if let Some(row) = event.conversions.first() {
                same!(
                    (row.cny_minor, row.rate_e8),
                    (cny, rate_e8),
                    "law 4: CNY of {id}"
                );
            }
        }
        same!(got, rows, "law 4: distribution of {cny} of {id}");
        same!(payouts, paid, "law 5: payouts of {id}");
        let reply: proto::ConfirmConversionResponse = told.reply();
        let counts = (
            reply.merchants as usize,
            reply.payouts as usize,
            reply.withheld,
        );
        same!(
            counts,
            (rows.len(), paid.len(), withheld),
            "law 5: counts of {id}"
        );
    })
}

/// merchant, amount, CNY of everybody in a conversion; who is paid what; how many are not.
type Distribution = (Vec<(u32, i64, i64)>, Vec<(u32, i64)>, u32);

fn distribution(tables: &Tables, conversion: &Conversion, cny: i64) -> Distribution {
    let claim = |(merchant, weight): (&u32, &i64)| {
        let tie = tables.registry.party(*merchant).id.0;
        Claim {
            cap: i64::MAX,
            weight: *weight,
            tie,
        }
    };
    let claims: Vec<Claim> = conversion.shares.iter().map(claim).collect();
    let parts = reference::share(cny, &claims);
    let mut rows = Vec::new();
    let (mut paid, mut withheld) = (Vec::new(), 0);
    for ((merchant, amount), part) in conversion.shares.iter().zip(parts) {
        rows.push((*merchant, *amount, part));
        match payout::may_pay(tables, *merchant, conversion.enterprise) {
            Ok(()) if part > 0 => paid.push((*merchant, part)),
            _ => withheld += 1,
        }
    }
    (rows, paid, withheld)
}

pub fn fail(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::FailConversionRequest = decode(bytes)?;
    let (id, _) = tables.conversions.requested(&asked.conversion_id)?;
    accepts(move |told| {
        let Event::ConversionFailed(event) = told.only() else {
            panic!("a conversion failed: {:?}", told.only());
        };
        same!(event.conversions[0].conversion_id, id, "conversion failed");
    })
}
