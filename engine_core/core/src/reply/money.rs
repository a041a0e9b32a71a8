//! Replies of the ledger, forex, clearing and risk services, from their entries alone.

use prost::Message;

use super::position;
use crate::contract::whampoa::clearing::v1 as clearing;
use crate::contract::whampoa::forex::v1 as forex;
use crate::contract::whampoa::ledger::v1 as ledger;
use crate::contract::whampoa::money::v1::Position;
use crate::contract::whampoa::risk::v1 as risk;
use crate::decide::Method;
use crate::event::{At, Event};

pub fn reply(log: &str, _method: Method, entries: &[(At, Event)]) -> Vec<u8> {
    let Some((first, _)) = entries.first() else {
        return Vec::new();
    };
    let position = position(log, first);
    // The last entry of an operation carries its totals.
    let Some((at, event)) = entries.last() else {
        return Vec::new();
    };
    match event {
        Event::AccountsOpened(event) => {
            let account_indexes = event.accounts.iter().map(|account| account.index).collect();
            ledger::OpenAccountsResponse {
                position,
                refusal: None,
                account_indexes,
            }
            .encode_to_vec()
        }
        Event::TransfersApplied(event) => transfers(position, event),
        Event::RemittanceRecorded(event) => forex::RecordRemittanceResponse {
            position,
            refusal: None,
            review: event.outcome as i32,
            reasons: (0..32)
                .filter(|bit| event.reasons & 1 << bit != 0)
                .collect(),
        }
        .encode_to_vec(),
        Event::RemittanceRecalled(event) => forex::RecallRemittanceResponse {
            position,
            refusal: None,
            from_suspense_minor: event.from_suspense_minor,
            from_allocations_minor: event.from_allocations_minor,
            debt_minor: event.debt_minor,
        }
        .encode_to_vec(),
        Event::ConversionRequested(_) => conversion_requested(position, entries),
        Event::ConversionConfirmed(event) => forex::ConfirmConversionResponse {
            position,
            refusal: None,
            merchants: event.merchants,
            payouts: event.payouts_instructed,
            withheld: event.withheld,
        }
        .encode_to_vec(),
        Event::BopDeclared(event) => forex::DeclareRemittanceResponse {
            position,
            refusal: None,
            actual_rptno: event.actual_rptno.as_str().to_owned(),
            restored: event.restored,
        }
        .encode_to_vec(),
        Event::Allocated(event) => allocated(log, position, at, event),
        Event::PayoutsInstructed(event) => clearing::InstructPayoutsResponse {
            position,
            refusal: None,
            payouts: event.payouts.len() as u32,
            withheld: event.withheld,
        }
        .encode_to_vec(),
        Event::ClawbackSettled(event) => clearing::SettleClawbackResponse {
            position,
            refusal: None,
            settled_minor: event.settled_minor,
            remaining_minor: event.remaining_minor,
        }
        .encode_to_vec(),
        Event::ReviewDecided(event) => risk::ClearReviewResponse {
            position,
            refusal: None,
            state: event.state as i32,
        }
        .encode_to_vec(),
        // Every other response of these services has the position and the refusal alone.
        _ => forex::RecordChargeResponse {
            position,
            refusal: None,
        }
        .encode_to_vec(),
    }
}

fn transfers(
    position: Option<Position>,
    event: &crate::event::ledger::TransfersApplied,
) -> Vec<u8> {
    ledger::SubmitTransfersResponse {
        position,
        refusal: None,
        accepted: (event.transfers.len() + event.holds.len()) as u32,
        refused_rows: event
            .refused
            .iter()
            .map(|(row, _)| u32::from(*row))
            .collect(),
        refused_codes: event
            .refused
            .iter()
            .map(|(_, code)| u32::from(*code))
            .collect(),
        repeated_rows: event.repeated.iter().map(|row| u32::from(*row)).collect(),
    }
    .encode_to_vec()
}

fn conversion_requested(position: Option<Position>, entries: &[(At, Event)]) -> Vec<u8> {
    let requested = entries.iter().filter_map(|(_, event)| match event {
        Event::ConversionRequested(event) => Some(event),
        _ => None,
    });
    let mut response = forex::RequestConversionResponse {
        position,
        ..Default::default()
    };
    for event in requested {
        response.amount_minor += event
            .conversions
            .iter()
            .map(|row| row.amount_minor)
            .sum::<i64>();
        response.merchants += event.shares.len() as u32;
    }
    response.encode_to_vec()
}

fn allocated(
    log: &str,
    first: Option<Position>,
    at: &At,
    event: &crate::event::clearing::Allocated,
) -> Vec<u8> {
    clearing::AllocateResponse {
        position: first,
        refusal: None,
        last: position(log, at),
        allocated_minor: event.allocated_minor,
        suspense_minor: event
            .remittances
            .first()
            .map_or(0, |row| row.suspense_minor),
        rows: event.rows_total,
        merchants: event.merchants,
        refused_rows: event.refused.iter().map(|(row, _)| *row).collect(),
        refused_codes: event
            .refused
            .iter()
            .map(|(_, code)| u32::from(*code))
            .collect(),
    }
    .encode_to_vec()
}
