//! Foreign money into CNY: requested, confirmed by the bank, shared at once and paid out in the same operation.

use super::{parse_id, positive, reference, remittance};
use crate::contract::whampoa::forex::v1 as proto;
use crate::decide::clearing::payout::{Instructed, Payee};
use crate::decide::ledger::posting::Postings;
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::Secret;
use crate::event::forex::{
    ConversionConfirmed, ConversionFailed, ConversionRequested, ConversionRow, ConversionShareRow,
    DistributionRow,
};
use crate::event::ledger::AccountKind;
use crate::ids::Step;
use crate::money::CNY;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::share::{Claim, largest_remainder, pro_rata};
use crate::state::State;
use crate::state::conversion::{Conversion, ConversionState};

/// Merchants of one entry: a distribution, a payout, three transfers and two accounts each at the most.
const MERCHANTS_PER_ENTRY: usize = 1_000;
/// Shares of one entry.
const SHARES_PER_ENTRY: usize = 8_000;

pub fn request_conversion(
    state: &State,
    context: &Context<'_>,
    request: &proto::RequestConversionRequest,
) -> Decision {
    let id = parse_id(&request.conversion_id, "conversion_id")?;
    if state.conversions.get(id).is_some() {
        return refuse(Rejection::ConversionExistsDifferent, "conversion_id", id);
    }
    if !id.is_in_window(context.now_ms) {
        return refuse(Rejection::IdOutOfWindow, "conversion_id", id);
    }
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    if remittance.currency() == CNY {
        return refuse(
            Rejection::WrongCurrency,
            "remittance_id",
            "CNY needs no conversion",
        );
    }
    let open: Vec<(u32, i64)> = remittance
        .shares
        .iter()
        .map(|(merchant, share)| (*merchant, share.unconverted_minor()))
        .collect();
    let total: i64 = open.iter().map(|(_, amount)| amount).sum();
    let amount = if request.amount_minor == 0 {
        total
    } else {
        positive(request.amount_minor, "amount_minor")?
    };
    if amount > total || total == 0 {
        return refuse(
            Rejection::ExceedsAllocated,
            "amount_minor",
            format!("{amount} of {total}"),
        );
    }
    let claims: Vec<Claim> = open
        .iter()
        .map(|(merchant, part)| Claim {
            cap: *part,
            weight: *part,
            tie: state.registry.id_of(*merchant).0,
        })
        .collect();
    let shares: Vec<ConversionShareRow> = open
        .iter()
        .zip(pro_rata(amount, &claims))
        .filter(|(_, share)| *share > 0)
        .map(|((merchant, _), amount_minor)| ConversionShareRow {
            merchant: *merchant,
            amount_minor,
        })
        .collect();
    let row = ConversionRow {
        conversion_id: id,
        remittance_id: remittance.id(),
        service_enterprise: remittance.service_enterprise(),
        currency: remittance.currency(),
        amount_minor: amount,
        cny_minor: 0,
        rate_e8: 0,
        previous: remittance.last,
    };
    let parts: Vec<&[ConversionShareRow]> = shares.chunks(SHARES_PER_ENTRY).collect();
    let last = parts.len() - 1;
    let draft = |(at, part): (usize, &&[ConversionShareRow])| {
        let conversions = if at == 0 {
            vec![row.clone()]
        } else {
            Vec::new()
        };
        let event = ConversionRequested {
            conversions,
            shares: part.to_vec(),
        };
        Draft {
            continues: at < last,
            ..Draft::after(remittance.last, id, event)
        }
    };
    Ok(parts.iter().enumerate().map(draft).collect())
}

fn requested<'a>(state: &'a State, bytes: &[u8]) -> Result<&'a Conversion, Refusal> {
    let id = parse_id(bytes, "conversion_id")?;
    let Some(conversion) = state.conversions.get(id) else {
        return refuse(Rejection::UnknownConversion, "conversion_id", id);
    };
    match conversion.state {
        ConversionState::Requested => Ok(conversion),
        _ => refuse(Rejection::ConversionFinished, "conversion_id", id),
    }
}

pub fn confirm_conversion(
    state: &State,
    context: &Context<'_>,
    request: &proto::ConfirmConversionRequest,
) -> Decision {
    let conversion = requested(state, &request.conversion_id)?;
    let cny = positive(request.cny_minor, "cny_minor")?;
    let rate = request
        .rate
        .as_ref()
        .ok_or_else(|| Refusal::new(Rejection::FieldMissing, "rate", ""))?;
    if rate.base != conversion.row.currency.iso() || rate.quote != CNY.iso() {
        return refuse(
            Rejection::WrongCurrency,
            "rate",
            format!("{}/{}", rate.base, rate.quote),
        );
    }
    positive(rate.rate_e8, "rate.rate_e8")?;
    let bank_reference = reference(&request.bank_reference, "bank_reference")?;
    let remittance_id = conversion.row.remittance_id;
    let Some(remittance) = state.remittances.get(remittance_id) else {
        return refuse(Rejection::UnknownRemittance, "conversion_id", remittance_id);
    };
    let merchants: Vec<(u32, i64)> = conversion
        .shares
        .iter()
        .map(|(merchant, part)| (*merchant, *part))
        .collect();
    let weights: Vec<(i64, [u8; 16])> = merchants
        .iter()
        .map(|(merchant, part)| (*part, state.registry.id_of(*merchant).0))
        .collect();
    let shared: Vec<DistributionRow> = merchants
        .iter()
        .zip(largest_remainder(cny, &weights))
        .map(|((merchant, amount_minor), cny_minor)| DistributionRow {
            merchant: *merchant,
            amount_minor: *amount_minor,
            cny_minor,
        })
        .collect();
    let mut conversion_row = conversion.row.clone();
    (
        conversion_row.cny_minor,
        conversion_row.rate_e8,
        conversion_row.previous,
    ) = (cny, rate.rate_e8, conversion.last);
    let mut remittance_row = remittance.next_row();
    remittance_row.converted_minor += conversion.row.amount_minor;
    let mut totals = Totals::default();
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let parts: Vec<&[DistributionRow]> = shared.chunks(MERCHANTS_PER_ENTRY).collect();
    let mut drafts = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let payouts = distribute(state, context, &mut postings, conversion, part, &mut totals);
        let (accounts, transfers) = postings.take();
        let is_last = at + 1 == parts.len();
        let event = ConversionConfirmed {
            bank_reference: bank_reference.clone(),
            merchants: if is_last { shared.len() as u32 } else { 0 },
            payouts_instructed: if is_last { totals.payouts } else { 0 },
            withheld: if is_last { totals.withheld } else { 0 },
            conversion_id: conversion.row.conversion_id,
            remittance_id,
            conversions: if is_last {
                vec![conversion_row.clone()]
            } else {
                Vec::new()
            },
            remittances: if is_last {
                vec![remittance_row.clone()]
            } else {
                Vec::new()
            },
            distributions: part.to_vec(),
            payouts,
            accounts,
            transfers,
        };
        let draft = Draft::after(conversion.last, conversion.row.conversion_id, event);
        drafts.push(Draft {
            continues: !is_last,
            ..draft
        });
    }
    Ok(drafts)
}

#[derive(Default)]
struct Totals {
    payouts: u32,
    withheld: u32,
}

/// Posts the distribution of some merchants and instructs their payouts.
fn distribute(
    state: &State,
    context: &Context<'_>,
    postings: &mut Postings<'_>,
    conversion: &Conversion,
    part: &[DistributionRow],
    totals: &mut Totals,
) -> Vec<crate::event::clearing::PayoutRow> {
    let (enterprise, currency) = (conversion.row.service_enterprise, conversion.row.currency);
    let bank_foreign = postings.of(enterprise, AccountKind::ServiceBankForeign, currency);
    let bank_cny = postings.of(enterprise, AccountKind::ServiceBankCny, CNY);
    let mut instructed = Instructed::new(
        state,
        context,
        enterprise,
        conversion.row.conversion_id,
        conversion.last,
    );
    for row in part {
        let foreign = postings.of_merchant(
            row.merchant,
            enterprise,
            AccountKind::MerchantForeign,
            currency,
        );
        postings.transfer(foreign, bank_foreign, row.amount_minor);
        let cleared =
            postings.of_merchant(row.merchant, enterprise, AccountKind::MerchantCleared, CNY);
        postings.transfer(bank_cny, cleared, row.cny_minor);
        match instructed.pay(postings, row.merchant, row.cny_minor) {
            Payee::Paid => totals.payouts += 1,
            Payee::Withheld => totals.withheld += 1,
        }
    }
    instructed.rows
}

pub fn fail_conversion(
    state: &State,
    _context: &Context<'_>,
    request: &proto::FailConversionRequest,
) -> Decision {
    let conversion = requested(state, &request.conversion_id)?;
    let id = conversion.row.conversion_id;
    let row = ConversionRow {
        previous: conversion.last,
        ..conversion.row.clone()
    };
    let reason = Secret::Open {
        value: request.reason.clone().into_bytes(),
        subject: id,
    };
    let last: Step = conversion.last;
    Ok(vec![Draft::after(
        last,
        id,
        ConversionFailed {
            reason,
            conversions: vec![row],
        },
    )])
}
