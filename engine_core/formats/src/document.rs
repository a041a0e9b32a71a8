//! From a parsed message to typed documents.

mod bodies;

use crate::finding::document_type;
use crate::parse::{Parsed, ParsedDocument, Row};
use crate::proto::document::Body;
use crate::proto::{Document, Reply, SignatureState};

/// Every document of the message, in order. `document_id` stays empty: whoever submits the document chooses it.
#[must_use]
pub fn documents(input: &[u8], parsed: &Parsed<'_>) -> Vec<Document> {
    parsed
        .documents
        .iter()
        .map(|document| typed(input, parsed, document))
        .collect()
}

/// One document of the message with its typed fields and the bytes as received.
#[must_use]
pub fn typed(input: &[u8], parsed: &Parsed<'_>, document: &ParsedDocument<'_>) -> Document {
    let head = &document.head;
    let transmitter = parsed
        .transfer
        .as_ref()
        .map_or("", |transfer| transfer.get("copCode"));
    let signature = if parsed.signed {
        SignatureState::Unchecked
    } else {
        SignatureState::Absent
    };
    Document {
        document_id: Vec::new(),
        r#type: document_type(parsed.message.number).into(),
        guid: text(head, "guid"),
        app_type: number(head, "appType"),
        app_time: text(head, "appTime"),
        app_status: number(head, "appStatus"),
        transmitter_code: transmitter.to_owned(),
        signature: signature.into(),
        received: received(input, document),
        body: body(parsed.message.number, head, &document.rows),
    }
}

/// The payload element as received, made to stand alone: a namespace that it takes from the root is declared on it.
#[must_use]
pub fn received(input: &[u8], document: &ParsedDocument<'_>) -> Vec<u8> {
    let element = input.get(document.range.clone()).unwrap_or_default();
    let text = std::str::from_utf8(element).unwrap_or_default();
    let name_end = text.find([' ', '\t', '\n', '\r', '/', '>']).unwrap_or(0);
    let (name, rest) = text.split_at(name_end);
    let mut alone = Vec::with_capacity(element.len() + 48);
    alone.extend_from_slice(name.as_bytes());
    for (prefix, value) in &document.inherited {
        // A declaration that nothing inside uses is left behind; the default one always counts.
        let (attribute, used) = if prefix.is_empty() {
            ("xmlns".to_owned(), true)
        } else {
            (
                format!("xmlns:{prefix}"),
                text.contains(&format!("{prefix}:")),
            )
        };
        if used {
            let quote = if value.contains('"') { '\'' } else { '"' };
            alone.extend_from_slice(format!(" {attribute}={quote}{value}{quote}").as_bytes());
        }
    }
    alone.extend_from_slice(rest.as_bytes());
    alone
}

/// The typed body; `None` for the messages that the engine keeps as bytes only (507, 607, 213, 215).
fn body(number: u16, head: &Row<'_>, rows: &[Row<'_>]) -> Option<Body> {
    Some(match number {
        303 => Body::Order(bodies::order(head, rows)),
        403 => Body::CollectionNote(bodies::collection_note(head)),
        505 => Body::Waybill(bodies::waybill(head)),
        509 => Body::Departure(bodies::departure(head, rows)),
        603 => Body::List(bodies::list(head, rows)),
        605 => Body::Withdrawal(bodies::withdrawal(head)),
        701 => Body::Aggregation(bodies::aggregation(head, rows)),
        792 => Body::AggregationResult(bodies::aggregation_result(head, rows)),
        214 | 216 | 304 | 404 | 506 | 508 | 510 | 604 | 606 | 608 | 702 => Body::Reply(reply(head)),
        _ => return None,
    })
}

fn reply(head: &Row<'_>) -> Reply {
    // Returns call the sender's own number coElNo; it takes the place of copNo.
    let own = if head.get("copNo").is_empty() {
        head.get("coElNo")
    } else {
        head.get("copNo")
    };
    Reply {
        ebp_code: text(head, "ebpCode"),
        ebc_code: text(head, "ebcCode"),
        order_no: text(head, "orderNo"),
        logistics_code: text(head, "logisticsCode"),
        logistics_no: text(head, "logisticsNo"),
        agent_code: text(head, "agentCode"),
        cop_no: own.to_owned(),
        pre_no: text(head, "preNo"),
        invt_no: text(head, "invtNo"),
        bill_no: text(head, "billNo"),
        sum_no: text(head, "sumNo"),
        msg_seq_no: number(head, "msgSeqNo"),
        statistics_flag: text(head, "statisticsFlag"),
        return_status: head.integer("returnStatus").unwrap_or(0),
        return_time: text(head, "returnTime"),
        return_info: text(head, "returnInfo"),
        ebp_name: String::new(),
    }
}

fn text(row: &Row<'_>, name: &str) -> String {
    row.get(name).to_owned()
}

/// A count; 0 when absent or negative, which the business checks tell.
fn number(row: &Row<'_>, name: &str) -> u32 {
    row.integer(name)
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or(0)
}
