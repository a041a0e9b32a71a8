//! CEB messages: bytes end as documents or findings; what is read and written again reads the same.

use prost::Message as _;
use whampoa_formats::document::received;
use whampoa_formats::envelope::{Envelope, wrap};
use whampoa_formats::parse::{Parsed, Row, parse};
use whampoa_formats::proto::{Document, Severity};
use whampoa_formats::read::{Reading, read};
use whampoa_formats::write::{Content, Fields, write};

const GUID: &str = "0F8E2A6C-7D31-4B59-9C1E-5A7B3D9F1E24";

/// Reads, checks and writes.
pub fn run(input: &[u8]) {
    let reading = read(input);
    sound(&reading);
    if let Some(envelope) = &reading.envelope {
        enveloped(envelope);
    }
    if let Ok(parsed) = parse(input) {
        written(&parsed);
        alone(input, &parsed);
    }
}

fn sound(reading: &Reading) {
    let malformed = i32::from(Severity::Malformed);
    let is_broken = reading
        .findings
        .iter()
        .any(|finding| finding.severity == malformed);
    match is_broken {
        true => assert!(reading.accepted.is_empty()),
        false => assert!(reading.documents > 0),
    }
    for finding in &reading.findings {
        assert!(!finding.rule.is_empty() && !finding.message.is_empty());
    }
    let mut last = None;
    for (ordinal, bytes) in &reading.accepted {
        assert!(*ordinal < reading.documents && last < Some(*ordinal));
        last = Some(*ordinal);
        let document = Document::decode(&bytes[..]).expect("it was encoded");
        assert!(!document.received.is_empty());
    }
}

/// An envelope that was read can be written.
fn enveloped(envelope: &Envelope) {
    let wrapped = wrap(b"<a/>", envelope).expect("an envelope that was read");
    assert_eq!(read(&wrapped).envelope.as_ref(), Some(envelope));
}

/// A message that was parsed can be written, and parses to the same fields.
fn written(parsed: &Parsed<'_>) {
    let documents: Vec<Content> = parsed
        .documents
        .iter()
        .map(|document| Content {
            head: fields(&document.head),
            rows: document.rows.iter().map(fields).collect(),
        })
        .collect();
    let transfer = parsed.transfer.as_ref().map(fields);
    let number = parsed.message.number;
    let bytes = write(number, &documents, GUID, transfer.as_ref())
        .unwrap_or_else(|refused| panic!("CEB{number} was read and is not written: {refused}"));
    let again = parse(&bytes).unwrap_or_else(|broken| panic!("{:?}", broken.findings));
    assert_eq!(again.documents.len(), parsed.documents.len());
    for (one, other) in parsed.documents.iter().zip(&again.documents) {
        same(&one.head, &other.head);
        assert_eq!(one.rows.len(), other.rows.len());
        one.rows
            .iter()
            .zip(&other.rows)
            .for_each(|(one, other)| same(one, other));
    }
}

fn fields(row: &Row<'_>) -> Fields {
    row.cells
        .iter()
        .map(|cell| (cell.spec.name.to_owned(), cell.value.clone().into_owned()))
        .collect()
}

/// The same values; an optional field that is empty may be left out.
fn same(one: &Row<'_>, other: &Row<'_>) {
    let filled = |row: &Row<'_>| -> Fields {
        let mut all = fields(row);
        all.retain(|(_, value)| !value.is_empty());
        all
    };
    assert_eq!(filled(one), filled(other));
}

/// A document as received stands alone: put into a message of another root it reads the same.
fn alone(input: &[u8], parsed: &Parsed<'_>) {
    let root = parsed.message.root;
    for document in &parsed.documents {
        let mut message = format!("<x:{root} guid=\"{GUID}\" version=\"1.0\" xmlns:x=\"{CEB}\">");
        message.push_str(std::str::from_utf8(&received(input, document)).expect("it was text"));
        if parsed.message.enveloped {
            message.push_str(
                "<x:BaseTransfer><x:copCode>1</x:copCode><x:copName>1</x:copName>\
                 <x:dxpMode>DXP</x:dxpMode><x:dxpId>1</x:dxpId></x:BaseTransfer>",
            );
        }
        message.push_str(&format!("</x:{root}>"));
        let again = parse(message.as_bytes())
            .unwrap_or_else(|broken| panic!("{message}: {:?}", broken.findings));
        let [other] = &again.documents[..] else {
            panic!("one document became {}", again.documents.len());
        };
        same(&document.head, &other.head);
        assert_eq!(document.rows.len(), other.rows.len());
    }
}

const CEB: &str = whampoa_formats::model::CEB_NS;
