//! Replies to tax inputs: where they stand, and how many labels changed.

use prost::Message;

use super::position;
use crate::contract::whampoa::tax::v1::{
    LabelItemsResponse, LoadRefundRatesResponse, RegisterZoneGoodsResponse, SubmitInvoicesResponse,
};
use crate::decide::Method;
use crate::event::{At, Event};

pub fn reply(log: &str, method: Method, entries: &[(At, Event)]) -> Vec<u8> {
    let position = entries.first().and_then(|(at, _)| position(log, at));
    let changed = |event: &Event| match event {
        Event::InvoicesRecorded(event) => event.items.len(),
        Event::ZoneGoodsRegistered(event) => event.items.len(),
        Event::ItemsLabelled(event) => event.items.len(),
        _ => 0,
    };
    let relabelled = entries.iter().map(|(_, event)| changed(event) as u32).sum();
    match method {
        Method::SubmitInvoices => SubmitInvoicesResponse {
            position,
            refusal: None,
            relabelled,
        }
        .encode_to_vec(),
        Method::RegisterZoneGoods => RegisterZoneGoodsResponse {
            position,
            refusal: None,
            relabelled,
        }
        .encode_to_vec(),
        Method::LabelItems => LabelItemsResponse {
            position,
            refusal: None,
            relabelled,
        }
        .encode_to_vec(),
        _ => LoadRefundRatesResponse {
            position,
            refusal: None,
        }
        .encode_to_vec(),
    }
}
