//! Money steps for the bank, SAFE and clearing gateways.

use prost::Message;

use crate::contract::whampoa::feed::v1 as proto;
use crate::contract::whampoa::feed::v1::FeedRow;
use crate::contract::whampoa::feed::v1::feed_row::Item;
use crate::contract::whampoa::money::v1::Money;
use crate::event::clearing::PayoutRow;
use crate::event::codec::FIRST_PRIVATE_ROW_FIELD;
use crate::event::forex::BopRow;
use crate::event::registry::PartySecret;
use crate::event::{At, Event};
use crate::ids::{Id, Step};
use crate::money::Currency;
use crate::projection::Private;
use crate::state::State;

/// Field of a remittance's entry that holds the payer's name.
const PAYER_NAME: u16 = 40;

fn numbered(items: impl Iterator<Item = Item>) -> Vec<FeedRow> {
    items
        .enumerate()
        .map(|(row, item)| FeedRow {
            row: row as u32,
            item: Some(item),
        })
        .collect()
}

fn party_id(state: &State, index: u32) -> Vec<u8> {
    state.registry.id_of(index).0.to_vec()
}

fn money(currency: Currency, amount_minor: i64) -> Option<Money> {
    Some(Money {
        currency: currency.iso().to_owned(),
        amount_minor,
    })
}

fn party_secret(private: &dyn Private, step: Step) -> PartySecret {
    let bytes = private.open(step.index, FIRST_PRIVATE_ROW_FIELD + step.row);
    bytes
        .and_then(|bytes| PartySecret::decode(bytes.as_slice()).ok())
        .unwrap_or_default()
}

fn party_name(state: &State, index: u32, private: &dyn Private) -> String {
    state.registry.get(index).map_or(String::new(), |party| {
        party_secret(private, party.registered).name
    })
}

pub fn conversions_requested(state: &State, event: &Event) -> Vec<FeedRow> {
    let Event::ConversionRequested(event) = event else {
        return Vec::new();
    };
    numbered(event.conversions.iter().map(|row| {
        Item::ConversionRequested(proto::ConversionRequestedItem {
            conversion_id: row.conversion_id.0.to_vec(),
            remittance_id: row.remittance_id.0.to_vec(),
            service_enterprise_party_id: party_id(state, row.service_enterprise),
            amount: money(row.currency, row.amount_minor),
        })
    }))
}

/// Suspense that goes back to the payer. A recall is no item: there the bank took the money itself.
pub fn money_returned(state: &State, event: &Event) -> Vec<FeedRow> {
    let Event::SuspenseReturned(event) = event else {
        return Vec::new();
    };
    numbered(event.remittances.iter().map(|row| {
        Item::MoneyReturned(proto::MoneyReturnedItem {
            remittance_id: row.remittance_id.0.to_vec(),
            service_enterprise_party_id: party_id(state, row.service_enterprise),
            amount: money(row.currency, event.amount_minor),
        })
    }))
}

pub fn payouts_instructed(state: &State, event: &Event, private: &dyn Private) -> Vec<FeedRow> {
    let rows = match event {
        Event::ConversionConfirmed(event) => &event.payouts,
        Event::PayoutsInstructed(event) => &event.payouts,
        _ => return Vec::new(),
    };
    numbered(
        payouts(state, rows.iter(), private)
            .into_iter()
            .map(Item::PayoutInstructed),
    )
}

pub fn payouts_debited(state: &State, event: &Event, private: &dyn Private) -> Vec<FeedRow> {
    let Event::DebitConfirmed(event) = event else {
        return Vec::new();
    };
    let rows = event
        .steps
        .iter()
        .filter_map(|step| state.payouts.get(step.payout_id))
        .map(|payout| &payout.row);
    numbered(
        payouts(state, rows, private)
            .into_iter()
            .map(Item::PayoutDebited),
    )
}

fn payouts<'a>(
    state: &State,
    rows: impl Iterator<Item = &'a PayoutRow>,
    private: &dyn Private,
) -> Vec<proto::PayoutItem> {
    let mut enterprise: Option<(u32, String)> = None;
    let mut items = Vec::new();
    for row in rows {
        let known = enterprise
            .take()
            .filter(|(index, _)| *index == row.service_enterprise);
        let name = known.map_or_else(
            || party_name(state, row.service_enterprise, private),
            |(_, name)| name,
        );
        items.push(proto::PayoutItem {
            payout_id: row.payout_id.0.to_vec(),
            conversion_id: row.conversion_id.0.to_vec(),
            service_enterprise_party_id: party_id(state, row.service_enterprise),
            merchant_party_id: party_id(state, row.merchant),
            cny_minor: row.cny_minor,
            payee: party_secret(private, row.payee).payee,
            service_enterprise_name: name.clone(),
        });
        enterprise = Some((row.service_enterprise, name));
    }
    items
}

/// Remittances of which SAFE has to hear: their attribution or their conversion changed with this entry.
pub fn allocated(state: &State, _at: &At, event: &Event) -> Vec<FeedRow> {
    let touched: Vec<Id> = match event {
        Event::Allocated(event) => event
            .remittances
            .iter()
            .map(|row| row.remittance_id)
            .collect(),
        Event::RemittanceRecalled(event) => event
            .remittances
            .iter()
            .map(|row| row.remittance_id)
            .collect(),
        Event::ConversionConfirmed(event) => event
            .remittances
            .iter()
            .map(|row| row.remittance_id)
            .collect(),
        _ => return Vec::new(),
    };
    let remittances = touched
        .into_iter()
        .filter_map(|id| state.remittances.get(id));
    numbered(remittances.map(|remittance| {
        Item::Allocated(proto::AllocatedItem {
            remittance_id: remittance.id().0.to_vec(),
            service_enterprise_party_id: party_id(state, remittance.service_enterprise()),
            suspense_minor: remittance.amounts.suspense_minor,
        })
    }))
}

pub fn bop_records(state: &State, event: &Event, private: &dyn Private) -> Vec<FeedRow> {
    let Event::BopDeclared(event) = event else {
        return Vec::new();
    };
    let remittance = state.remittances.get(event.remittance_id);
    let payer =
        remittance.and_then(|remittance| private.open(remittance.recorded.index, PAYER_NAME));
    let payer_name = payer.map_or(String::new(), |bytes| {
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let item = |row: &BopRow| {
        let party = state.registry.party(row.party);
        let enterprise =
            remittance.map(|remittance| state.registry.party(remittance.service_enterprise()));
        Item::BopRecord(proto::BopRecordItem {
            rptno: row.rptno.as_str().to_owned(),
            kind: row.kind as i32,
            action: row.action as i32,
            remittance_id: row.remittance_id.0.to_vec(),
            actual_rptno: event.actual_rptno.as_str().to_owned(),
            party_id: party.party_id.0.to_vec(),
            uscc: party.uscc.as_str().to_owned(),
            party_name: party_name(state, row.party, private),
            currency: row.currency.iso().to_owned(),
            amount: row.amount,
            settled_amount: row.settled,
            rate_e8: row.rate_e8,
            payer_country: remittance
                .map_or("", |remittance| remittance.payer_country.as_str())
                .to_owned(),
            payer_name: payer_name.clone(),
            bank_reference: remittance
                .map_or("", |remittance| remittance.bank_reference.as_str())
                .to_owned(),
            transaction_code: row.transaction_code.as_str().to_owned(),
            report_date: row.report_date,
            institution_code: enterprise
                .map_or("", |party| party.institution_code.as_str())
                .to_owned(),
        })
    };
    numbered(event.records.iter().map(item))
}
