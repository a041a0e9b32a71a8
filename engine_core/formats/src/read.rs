//! A message from bytes to documents and findings, its envelope taken off.

use prost::Message as _;

use crate::check::check;
use crate::document::typed;
use crate::envelope::{Envelope, is_envelope};
use crate::model::{self, former};
use crate::parse::{self, MAX_BYTES, Malformed, Parsed};
use crate::proto::Finding;
use crate::rule::Rule;

/// Largest envelope that is read: the largest message in Base64 with line ends, and the envelope's own fields.
pub const MAX_ENVELOPE_BYTES: usize = MAX_BYTES / 2 * 3;

/// One message as it was read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Number of the CEB message; 0 when it was not recognised.
    pub number: u16,
    /// The schema it was written by, `2018` or `202205`, where it can be told.
    pub version: &'static str,
    pub transmitter_code: String,
    pub envelope: Option<Envelope>,
    /// Documents in the message; those begun before reading stopped, when it is malformed.
    pub documents: u32,
    /// Ordinals and serialized documents of those that were not refused.
    pub accepted: Vec<(u32, Vec<u8>)>,
    pub findings: Vec<Finding>,
}

/// Reads a message with or without an envelope. Offsets of findings count in the CEB message where one was found.
#[must_use]
pub fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    if let Err(malformed) = reading.take(bytes) {
        reading.number = malformed.number;
        reading.documents = malformed.documents;
        reading.version = version(malformed.number, &malformed.findings);
        reading.findings = malformed.findings;
    }
    reading
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(Malformed::whole(
                Rule::TooLarge,
                0,
                &MAX_ENVELOPE_BYTES.to_string(),
            ));
        }
        let (cursor, root) = parse::open(bytes)?;
        if is_envelope(&root) {
            let (envelope, message) = parse::unwrap(cursor, &root)?;
            self.envelope = Some(envelope);
            let parsed = parse::parse(&message)?;
            self.judge(&message, &parsed);
        } else if bytes.len() > MAX_BYTES {
            return Err(Malformed::whole(Rule::TooLarge, 0, &MAX_BYTES.to_string()));
        } else {
            let parsed = parse::rest(cursor, &root)?;
            self.judge(bytes, &parsed);
        }
        Ok(())
    }

    fn judge(&mut self, bytes: &[u8], parsed: &Parsed<'_>) {
        let checked = check(parsed, self.envelope.as_ref());
        self.number = parsed.message.number;
        self.version = version(self.number, &[]);
        self.documents = u32::try_from(parsed.documents.len()).unwrap_or(u32::MAX);
        if let Some(transfer) = &parsed.transfer {
            transfer
                .get("copCode")
                .clone_into(&mut self.transmitter_code);
        }
        for (document, refused) in parsed.documents.iter().zip(checked.refused) {
            if !refused {
                let typed = typed(bytes, parsed, document);
                self.accepted
                    .push((document.ordinal, typed.encode_to_vec()));
            }
        }
        self.findings = checked.findings;
    }
}

/// The schema that a message follows, as far as it shows.
fn version(number: u16, findings: &[Finding]) -> &'static str {
    let of_2018 = [Rule::LengthOf2018.code(), Rule::ElementSince202205.code()];
    if !findings.is_empty() {
        let old = findings
            .iter()
            .all(|finding| of_2018.contains(&finding.rule.as_str()));
        return if old { "2018" } else { "" };
    }
    if model::by_number(number).is_some() && former::newer(number) {
        "202205"
    } else {
        ""
    }
}
