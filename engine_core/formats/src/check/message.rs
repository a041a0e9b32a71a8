//! The message as a whole: transmitter, signature, envelope, and documents that repeat one another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::codes;
use crate::envelope::Envelope;
use crate::finding::{Place, finding};
use crate::model;
use crate::parse::Parsed;
use crate::proto::Finding;
use crate::rule::Rule;

use super::{At, Desk};

pub(super) fn whole(parsed: &Parsed<'_>, envelope: Option<&Envelope>, findings: &mut Vec<Finding>) {
    let number = parsed.message.number;
    let mut tell = |field: &str, offset: usize, rule: Rule, value: &str, other: &str| {
        let place = Place {
            number,
            ordinal: 0,
            field,
            offset,
        };
        let mut told = finding(place, rule, value, other);
        told.document_key = format!("message {}", parsed.guid);
        findings.push(told);
    };
    if let Some(envelope) = envelope {
        let kind = envelope.msg_type.as_str();
        // Only the name of another message contradicts; the platform leaves the text free.
        if kind != parsed.message.root && model::by_root(kind).is_some() {
            let root = parsed.message.root;
            tell(
                "TransInfo/MsgType",
                0,
                Rule::EnvelopeTypeMismatch,
                kind,
                root,
            );
        }
    }
    let Some(transfer) = &parsed.transfer else {
        return;
    };
    let code = transfer.get("copCode");
    if !codes::is_customs_number(code) && !codes::is_credit_code(code) {
        let offset = transfer
            .cell("copCode")
            .map_or(transfer.start, |cell| cell.offset);
        tell(
            "BaseTransfer/copCode",
            offset,
            Rule::TransmitterCodeInvalid,
            code,
            "",
        );
    }
    let declared = || {
        parsed
            .documents
            .iter()
            .any(|document| document.head.get("appStatus") == "2")
    };
    let wanted = parsed.message.wants_signature() || (number == 507 && declared());
    if wanted && !parsed.signed {
        tell("Signature", transfer.end, Rule::SignatureMissing, "", "");
    }
}

/// Keys and guids of the documents seen so far in one message.
#[derive(Default)]
pub(super) struct Repeats<'d> {
    keys: HashMap<String, u32>,
    guids: HashMap<&'d str, u32>,
}

impl<'d> Repeats<'d> {
    /// Tells of a document whose key, or else whose guid, an earlier one has.
    pub(super) fn check(&mut self, desk: &mut Desk<'d>) {
        let Some(identity) = desk.identity else {
            return;
        };
        let head = desk.head();
        let ordinal = desk.document.ordinal;
        let named = identity.words.iter().map(|(_, field)| *field);
        let mut key = String::with_capacity(64);
        for field in named.chain(identity.beside.iter().copied()) {
            let value = head.get(field).trim();
            key.push_str(value);
            // A platform without a code is told apart by its name.
            if field == "ebpCode" && value == codes::NO_PLATFORM {
                key.push_str(head.get("ebpName").trim());
            }
            key.push('\n');
        }
        let earlier = match self.keys.entry(key) {
            Entry::Occupied(seen) => Some(*seen.get()),
            Entry::Vacant(free) => {
                free.insert(ordinal);
                None
            }
        };
        let guid = *self.guids.entry(head.get("guid")).or_insert(ordinal);
        if let Some(earlier) = earlier {
            let lead = identity.lead();
            desk.tell_named(
                At::Head,
                head,
                lead,
                Rule::DocumentRepeated,
                &earlier.to_string(),
            );
        } else if guid != ordinal {
            desk.tell_named(
                At::Head,
                head,
                "guid",
                Rule::GuidRepeated,
                &guid.to_string(),
            );
        }
    }
}
