//! Payouts and law 5: to whom nothing stands in the way, within what is cleared, settled at most once.

use std::collections::BTreeMap;

use whampoa_core::contract::whampoa::clearing::v1 as proto;
use whampoa_core::contract::whampoa::money::v1::Rejection;
use whampoa_core::contract::whampoa::registry::v1::Role;
use whampoa_core::event::clearing::{PayoutRow, PayoutState, PayoutStepRow};
use whampoa_core::event::ledger::AccountKind;
use whampoa_core::event::registry::Purpose;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::{Id, Step};

use super::Tables;
use super::books::CNY;
use super::grant::Use;
use super::verdict::{No, Verdict, accepts, decode, id_in, refuses};
use crate::same;

const MOST: usize = 4_000;

#[derive(Clone, Debug, PartialEq)]
struct Payout {
    enterprise: u32,
    merchant: u32,
    cny: i64,
    state: PayoutState,
    times_settled: u32,
    last: Step,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payouts {
    all: BTreeMap<Id, Payout>,
}

/// Why a merchant cannot be paid: sanctions, a clawback, no payee, no grant.
pub fn may_pay(tables: &Tables, merchant: u32, enterprise: u32) -> Result<(), Rejection> {
    let party = tables.registry.party(merchant);
    if party.is_sanctioned {
        return Err(Rejection::PartySanctioned);
    }
    if tables.trades.is_clawed(merchant) {
        return Err(Rejection::MerchantUnderClawback);
    }
    if party.payee.is_none() {
        return Err(Rejection::PayeeMissing);
    }
    let wanted = Use {
        purpose: Purpose::ForexSettlement,
        currency: None,
        now_ms: tables.now_ms,
    };
    tables
        .registry
        .grants
        .between(merchant, enterprise, wanted)
        .map(|_| ())
}

/// New payouts: every one is checked by itself, whoever instructed it.
pub fn add(tables: &mut Tables, at: &At, rows: &[PayoutRow], first: usize) {
    for (ordinal, row) in rows.iter().enumerate() {
        let (id, merchant, enterprise) = (row.payout_id, row.merchant, row.service_enterprise);
        assert!(row.cny_minor > 0, "law 5: payout {id} of {}", row.cny_minor);
        if let Err(code) = may_pay(tables, merchant, enterprise) {
            panic!(
                "law 5: payout {id} of {} to party {merchant}: {code:?}",
                row.cny_minor
            );
        }
        let payee = tables.registry.party(merchant).payee;
        same!(Some(row.payee), payee, "law 5: where payout {id} goes");
        let wanted = Use {
            purpose: Purpose::ForexSettlement,
            currency: None,
            now_ms: at.time_ms,
        };
        let what = format!("payout {id}");
        tables
            .registry
            .grants
            .check(row.grant, merchant, Some(enterprise), wanted, &what);
        if let Some(conversion) = tables.conversions.get(row.conversion_id) {
            let remittance = tables
                .remittances
                .get(conversion.remittance)
                .expect("known");
            assert!(
                remittance.review.lets_go_on(),
                "law 5: payout {id} of {}, whose review is {:?}",
                conversion.remittance,
                remittance.review
            );
        } else {
            same!(
                row.conversion_id,
                Id::ZERO,
                "law 5: conversion of payout {id}"
            );
        }
        let pair = (merchant, enterprise);
        tables
            .books
            .of(pair, AccountKind::MerchantCleared, CNY, -row.cny_minor);
        tables
            .books
            .own(enterprise, AccountKind::PayoutTransit, CNY, row.cny_minor);
        let payout = Payout {
            enterprise,
            merchant,
            cny: row.cny_minor,
            state: PayoutState::Instructed,
            times_settled: 0,
            last: at.step(first + ordinal),
        };
        let other = tables.payouts.all.insert(id, payout);
        assert!(other.is_none(), "law 5: payout {id} is instructed twice");
    }
}

/// Whether a payout may go from one state to another.
fn may_go(from: PayoutState, to: PayoutState) -> bool {
    use PayoutState as S;
    match to {
        S::Debited => from == S::Instructed,
        S::Settled => from == S::Debited,
        S::Rejected => from == S::Instructed || from == S::Debited,
        S::Returned => from == S::Settled,
        S::Instructed => false,
    }
}

fn go(tables: &mut Tables, at: &At, rows: &[PayoutStepRow]) {
    for (ordinal, row) in rows.iter().enumerate() {
        let id = row.payout_id;
        let payout = tables.payouts.all.get_mut(&id).expect("law 5: a payout");
        let (from, to) = (payout.state, row.state);
        assert!(
            may_go(from, to),
            "law 5: payout {id} is {} after {}",
            to.name(),
            from.name()
        );
        same!(row.cny_minor, payout.cny, "law 5: amount of payout {id}");
        payout.times_settled += u32::from(to == PayoutState::Settled);
        assert!(
            payout.times_settled <= 1,
            "law 5: payout {id} settles twice"
        );
        payout.state = to;
        payout.last = at.step(ordinal);
        let (pair, cny) = ((payout.merchant, payout.enterprise), payout.cny);
        let books = &mut tables.books;
        let source = match from {
            PayoutState::Instructed => AccountKind::PayoutTransit,
            _ => AccountKind::ServiceBankCny,
        };
        match to {
            PayoutState::Debited => {
                books.own(pair.1, AccountKind::PayoutTransit, CNY, -cny);
                books.own(pair.1, AccountKind::ServiceBankCny, CNY, cny);
            }
            PayoutState::Rejected | PayoutState::Returned => {
                books.own(pair.1, source, CNY, -cny);
                books.of(pair, AccountKind::MerchantCleared, CNY, cny);
            }
            _ => {}
        }
    }
}

pub fn apply(tables: &mut Tables, at: &At, event: &Event) {
    match event {
        Event::PayoutsInstructed(event) => add(tables, at, &event.payouts, 0),
        Event::DebitConfirmed(event) => go(tables, at, &event.steps),
        Event::SettlementRecorded(event) => go(tables, at, &event.steps),
        _ => {}
    }
}

pub fn instruct(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::InstructPayoutsRequest = decode(bytes)?;
    let (registry, field) = (&tables.registry, "service_enterprise_party_id");
    let enterprise = registry.with_role(
        &asked.service_enterprise_party_id,
        Role::ServiceEnterprise,
        field,
    )?;
    if asked.merchant_party_ids.len() > MOST {
        return refuses(Rejection::BatchTooLarge, "merchant_party_ids");
    }
    let place = |at: usize| format!("merchant_party_ids[{at}]");
    let mut named: Vec<u32> = Vec::new();
    for (at, bytes) in asked.merchant_party_ids.iter().enumerate() {
        let merchant = registry.with_role(bytes, Role::Merchant, &place(at))?;
        if named.contains(&merchant) {
            return refuses(Rejection::FieldInvalid, place(at));
        }
        named.push(merchant);
    }
    let balance = |merchant: u32| {
        let kind = AccountKind::MerchantCleared as u8;
        tables.ledger.balance((merchant, kind, enterprise, CNY))
    };
    for (at, merchant) in named.iter().enumerate() {
        if let Err(code) = may_pay(tables, *merchant, enterprise) {
            return refuses(code, place(at));
        }
        if balance(*merchant) <= 0 {
            return refuses(Rejection::ExceedsClearedBalance, place(at));
        }
    }
    if named.is_empty() {
        named = tables.ledger.cleared_under(enterprise);
        named.retain(|merchant| balance(*merchant) > 0);
    }
    let (mut paid, mut withheld) = (Vec::new(), 0);
    for merchant in named {
        match may_pay(tables, merchant, enterprise) {
            Ok(()) if paid.len() < MOST => paid.push((merchant, balance(merchant) as i64)),
            _ => withheld += 1,
        }
    }
    if paid.is_empty() {
        return refuses(Rejection::ExceedsClearedBalance, field);
    }
    accepts(move |told| {
        let Event::PayoutsInstructed(event) = told.only() else {
            panic!("payouts were asked for: {:?}", told.only());
        };
        let rows: Vec<(u32, i64)> = event
            .payouts
            .iter()
            .map(|row| (row.merchant, row.cny_minor))
            .collect();
        same!(rows, paid, "law 5: payouts of party {enterprise}");
        let reply: proto::InstructPayoutsResponse = told.reply();
        let counts = (reply.payouts as usize, reply.withheld);
        same!(
            counts,
            (paid.len(), withheld),
            "law 5: counts of party {enterprise}"
        );
    })
}

/// States that payouts reach row by row within one request.
struct Walk<'a> {
    payouts: &'a Payouts,
    reached: BTreeMap<Id, PayoutState>,
    steps: Vec<(Id, PayoutState)>,
}

impl Walk<'_> {
    fn find(&self, bytes: &[u8], field: &str) -> Result<Id, No> {
        let id = id_in(bytes, field)?;
        match self.payouts.all.contains_key(&id) {
            true => Ok(id),
            false => refuses(Rejection::UnknownPayout, field),
        }
    }

    fn go(&mut self, id: Id, to: PayoutState, field: &str) -> Result<PayoutState, No> {
        let known = self.reached.get(&id).copied();
        let from = known.unwrap_or(self.payouts.all[&id].state);
        if !may_go(from, to) {
            return refuses(Rejection::PayoutState, field);
        }
        self.reached.insert(id, to);
        self.steps.push((id, to));
        Ok(from)
    }
}

fn check_count(count: usize, field: &str) -> Result<(), No> {
    match count {
        0 => refuses(Rejection::FieldMissing, field),
        count if count > MOST => refuses(Rejection::BatchTooLarge, field),
        _ => Ok(()),
    }
}

pub fn debit(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::ConfirmDebitRequest = decode(bytes)?;
    check_count(asked.payout_ids.len(), "payout_ids")?;
    let mut walk = Walk {
        payouts: &tables.payouts,
        reached: BTreeMap::new(),
        steps: Vec::new(),
    };
    for (at, bytes) in asked.payout_ids.iter().enumerate() {
        let field = format!("payout_ids[{at}]");
        let id = walk.find(bytes, &field)?;
        walk.go(id, PayoutState::Debited, &field)?;
    }
    let steps = walk.steps;
    accepts(move |told| {
        let Event::DebitConfirmed(event) = told.only() else {
            panic!("a debit was told: {:?}", told.only());
        };
        let rows = event.steps.iter().map(|row| (row.payout_id, row.state));
        same!(rows.collect::<Vec<_>>(), steps, "law 5: payouts debited");
    })
}

pub fn settle(tables: &Tables, bytes: &[u8]) -> Verdict {
    let asked: proto::RecordSettlementRequest = decode(bytes)?;
    check_count(asked.results.len(), "results")?;
    let mut walk = Walk {
        payouts: &tables.payouts,
        reached: BTreeMap::new(),
        steps: Vec::new(),
    };
    for (at, result) in asked.results.iter().enumerate() {
        let field = |name: &str| format!("results[{at}].{name}");
        let id = walk.find(&result.payout_id, &field("payout_id"))?;
        let to = match result.outcome {
            1 => PayoutState::Settled,
            2 | 4 => PayoutState::Rejected,
            3 => PayoutState::Returned,
            _ => return refuses(Rejection::FieldInvalid, field("outcome")),
        };
        if result.reason_code.len() > 8 || result.reason_code.contains('\0') {
            return refuses(Rejection::FieldInvalid, field("reason_code"));
        }
        if result.clearing_reference.contains('\n') {
            return refuses(Rejection::FieldInvalid, field("clearing_reference"));
        }
        let from = walk.go(id, to, &field("outcome"))?;
        if result.outcome == 4 && from != PayoutState::Instructed {
            return refuses(Rejection::PayoutState, field("outcome"));
        }
    }
    let steps = walk.steps;
    accepts(move |told| {
        let Event::SettlementRecorded(event) = told.only() else {
            panic!("a settlement was told: {:?}", told.only());
        };
        let rows = event.steps.iter().map(|row| (row.payout_id, row.state));
        same!(
            rows.collect::<Vec<_>>(),
            steps,
            "law 5: payouts settled or given back"
        );
    })
}
