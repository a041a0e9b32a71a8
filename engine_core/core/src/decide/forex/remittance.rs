//! Money in: recorded as the bank credited it, judged at once; charges after credit, suspense returned, rates.

use super::{check_not_waiting, parse_id, positive, reference, remittance};
use crate::contract::whampoa::forex::v1 as proto;
use crate::contract::whampoa::registry::v1::Role;
use crate::decide::ledger::posting::Postings;
use crate::decide::risk::{Facts, judge};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::forex::{
    ChargeRecorded, RatePublished, RemittanceRecorded, RemittanceRow, SuspenseReturned,
};
use crate::event::ledger::AccountKind;
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

pub fn record_remittance(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecordRemittanceRequest,
) -> Decision {
    let Some(told) = &request.remittance else {
        return refuse(Rejection::FieldMissing, "remittance", "");
    };
    let id = parse_id(&told.remittance_id, "remittance.remittance_id")?;
    if state.remittances.get(id).is_some() {
        return refuse(
            Rejection::RemittanceExistsDifferent,
            "remittance.remittance_id",
            id,
        );
    }
    if !id.is_in_window(context.now_ms) {
        return refuse(Rejection::IdOutOfWindow, "remittance.remittance_id", id);
    }
    let (currency, payer_country) = check_text(told)?;
    let service_enterprise = service_enterprise(state, &told.service_enterprise_party_id)?;
    let credited = positive(told.credited_minor, "remittance.credited_minor")?;
    positive(told.instructed_minor, "remittance.instructed_minor")?;
    if told.charges_before_minor < 0 {
        return refuse(
            Rejection::InvalidAmount,
            "remittance.charges_before_minor",
            told.charges_before_minor,
        );
    }
    // Law 3.
    if told.instructed_minor - told.charges_before_minor != credited {
        let sum = format!(
            "{} - {} != {credited}",
            told.instructed_minor, told.charges_before_minor
        );
        return refuse(
            Rejection::AmountsDoNotAddUp,
            "remittance.credited_minor",
            sum,
        );
    }
    let row = RemittanceRow {
        remittance_id: id,
        service_enterprise,
        currency,
        credited_minor: credited,
        allocated_minor: 0,
        suspense_minor: credited,
        returned_minor: 0,
        charges_after_minor: 0,
        converted_minor: 0,
        debt_minor: 0,
        previous: Step::NONE,
    };
    let reference_key = context
        .log_key
        .digest("bank-reference", &[&told.bank_reference]);
    let facts = Facts::gather(state, context, &row, told, payer_country, reference_key);
    let judgement = judge(&facts, &state.review_rules);
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let bank = postings.of(
        service_enterprise,
        AccountKind::ServiceBankForeign,
        currency,
    );
    let suspense = postings.of(service_enterprise, AccountKind::Suspense, currency);
    postings.transfer(bank, suspense, credited);
    let (accounts, transfers) = postings.take();
    let secret = |text: &str| Secret::Open {
        value: text.as_bytes().to_vec(),
        subject: id,
    };
    let event = RemittanceRecorded {
        instructed_minor: told.instructed_minor,
        charges_before_minor: told.charges_before_minor,
        reference_key,
        value_date: told.value_date,
        payer_country,
        outcome: judgement.outcome,
        reasons: judgement.reasons,
        bank_reference: told.bank_reference.clone(),
        payer_name: secret(&told.payer_name),
        remittance_text: secret(&told.remittance_text),
        remittances: vec![row],
        accounts,
        transfers,
    };
    Ok(vec![Draft::first(id, event)])
}

fn check_text(told: &proto::Remittance) -> Result<(Currency, Text<3>), Refusal> {
    let Some(currency) = Currency::from_iso(&told.currency) else {
        return refuse(
            Rejection::UnknownCurrency,
            "remittance.currency",
            &told.currency,
        );
    };
    if told.bank_reference.is_empty() {
        return refuse(Rejection::FieldMissing, "remittance.bank_reference", "");
    }
    reference(&told.bank_reference, "remittance.bank_reference")?;
    let Some(country) = Text::new(&told.payer_country).filter(|_| told.payer_country.len() == 3)
    else {
        return refuse(
            Rejection::FieldInvalid,
            "remittance.payer_country",
            &told.payer_country,
        );
    };
    Ok((currency, country))
}

/// The service enterprise a remittance is for.
fn service_enterprise(state: &State, party_id: &[u8]) -> Result<u32, Refusal> {
    let field = "remittance.service_enterprise_party_id";
    let id = parse_id(party_id, field)?;
    let Some(index) = state.registry.index_of(id) else {
        return refuse(Rejection::UnknownParty, field, id);
    };
    match state.registry.has_role(index, Role::ServiceEnterprise) {
        true => Ok(index),
        false => refuse(Rejection::WrongRole, field, id),
    }
}

pub fn record_charge(
    state: &State,
    context: &Context<'_>,
    request: &proto::RecordChargeRequest,
) -> Decision {
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    let amount = positive(request.amount_minor, "amount_minor")?;
    let bank_reference = reference(&request.bank_reference, "bank_reference")?;
    let mut row = remittance.next_row();
    row.charges_after_minor += amount;
    let (accounts, transfers) = out_of_suspense(state, context, &mut row, amount)?;
    let event = ChargeRecorded {
        amount_minor: amount,
        bank_reference,
        remittances: vec![row],
        accounts,
        transfers,
    };
    Ok(vec![Draft::after(remittance.last, remittance.id(), event)])
}

pub fn return_suspense(
    state: &State,
    context: &Context<'_>,
    request: &proto::ReturnSuspenseRequest,
) -> Decision {
    let remittance = remittance(state, &request.remittance_id, "remittance_id")?;
    let amount = positive(request.amount_minor, "amount_minor")?;
    check_not_waiting(remittance)?;
    let mut row = remittance.next_row();
    row.returned_minor += amount;
    let (accounts, transfers) = out_of_suspense(state, context, &mut row, amount)?;
    let reason = Secret::Open {
        value: request.reason.clone().into_bytes(),
        subject: remittance.id(),
    };
    let event = SuspenseReturned {
        amount_minor: amount,
        reason,
        remittances: vec![row],
        accounts,
        transfers,
    };
    Ok(vec![Draft::after(remittance.last, remittance.id(), event)])
}

type Posted = (
    Vec<crate::event::ledger::AccountRow>,
    Vec<crate::event::ledger::TransferRow>,
);

/// Money that leaves the suspense and the bank account.
fn out_of_suspense(
    state: &State,
    context: &Context<'_>,
    row: &mut RemittanceRow,
    amount: i64,
) -> Result<Posted, Refusal> {
    if amount > row.suspense_minor {
        return refuse(
            Rejection::ExceedsSuspense,
            "amount_minor",
            format!("{amount} of {}", row.suspense_minor),
        );
    }
    row.suspense_minor -= amount;
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let suspense = postings.of(row.service_enterprise, AccountKind::Suspense, row.currency);
    let bank = postings.of(
        row.service_enterprise,
        AccountKind::ServiceBankForeign,
        row.currency,
    );
    postings.transfer(suspense, bank, amount);
    Ok(postings.take())
}

pub fn publish_rate(
    _state: &State,
    context: &Context<'_>,
    request: &proto::PublishRateRequest,
) -> Decision {
    let Some(rate) = &request.rate else {
        return refuse(Rejection::FieldMissing, "rate", "");
    };
    let currency = |letters: &str, field: &str| {
        Currency::from_iso(letters)
            .ok_or_else(|| Refusal::new(Rejection::UnknownCurrency, field, letters))
    };
    let (base, quote) = (
        currency(&rate.base, "rate.base")?,
        currency(&rate.quote, "rate.quote")?,
    );
    if base == quote {
        return refuse(Rejection::FieldInvalid, "rate.quote", &rate.quote);
    }
    positive(rate.rate_e8, "rate.rate_e8")?;
    let source = reference(&request.source, "source")?;
    let case_id = Id::derive(
        context.now_ms,
        "rate",
        &[rate.base.as_bytes(), rate.quote.as_bytes()],
    );
    let event = RatePublished {
        base,
        quote,
        rate_e8: rate.rate_e8,
        source,
    };
    Ok(vec![Draft::first(case_id, event)])
}
