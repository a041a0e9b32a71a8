//! Checks beyond the schema: codes, keys, dates, amounts, repeats, one pass over what was read.

mod field;
mod line;
mod message;
mod mode;

use crate::envelope::Envelope;
use crate::finding::{Place, finding};
use crate::model::{Identity, Message, identity};
use crate::parse::{Cell, Parsed, ParsedDocument, Row};
use crate::proto::{Finding, Severity};
use crate::rule::Rule;

/// Findings told of one document; a refusal beyond them is still counted.
const MAX_FINDINGS: usize = 50;

/// What the checks have to say.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// In the order of the documents; those of the message as a whole first.
    pub findings: Vec<Finding>,
    /// For each document, whether a finding refuses it.
    pub refused: Vec<bool>,
}

/// Checks a message whose structure is the schema's.
#[must_use]
pub fn check(parsed: &Parsed<'_>, envelope: Option<&Envelope>) -> Checked {
    let mut checked = Checked::default();
    let mut repeats = message::Repeats::default();
    message::whole(parsed, envelope, &mut checked.findings);
    for document in &parsed.documents {
        let mut desk = Desk::new(
            parsed.message,
            document,
            std::mem::take(&mut checked.findings),
        );
        field::check(&mut desk);
        if parsed.message.enveloped {
            line::check(&mut desk);
            mode::check(&mut desk);
        }
        repeats.check(&mut desk);
        let (findings, refused) = desk.close();
        checked.findings = findings;
        checked.refused.push(refused);
    }
    checked
}

/// Where in a document a row stands.
#[derive(Clone, Copy, Debug)]
enum At {
    Head,
    Row(usize),
}

/// One document under check.
struct Desk<'d> {
    message: &'static Message,
    identity: Option<&'static Identity>,
    document: &'d ParsedDocument<'d>,
    findings: Vec<Finding>,
    /// Where this document's findings start.
    first: usize,
    refused: bool,
}

impl<'d> Desk<'d> {
    fn new(
        message: &'static Message,
        document: &'d ParsedDocument<'d>,
        findings: Vec<Finding>,
    ) -> Self {
        let first = findings.len();
        let identity = identity(message.number);
        Self {
            message,
            identity,
            document,
            findings,
            first,
            refused: false,
        }
    }

    fn head(&self) -> &'d Row<'d> {
        &self.document.head
    }

    /// Tells of a cell; `other` is what its rule's sentence sets against the value.
    fn tell(&mut self, at: At, cell: &Cell<'_>, rule: Rule, other: &str) {
        self.tell_of(at, cell.spec.name, cell.offset, rule, &cell.value, other);
    }

    /// Tells of a field that may be absent: the place is then the start of its row.
    fn tell_named(&mut self, at: At, row: &Row<'_>, name: &str, rule: Rule, other: &str) {
        match row.cell(name) {
            Some(cell) => self.tell(at, cell, rule, other),
            None => self.tell_of(at, name, row.start, rule, "", other),
        }
    }

    fn tell_of(&mut self, at: At, name: &str, offset: usize, rule: Rule, value: &str, other: &str) {
        let refuses = rule.severity() == Severity::Refused;
        if self.findings.len() - self.first >= MAX_FINDINGS && (self.refused || !refuses) {
            return;
        }
        self.refused |= refuses;
        let field = match (at, self.message.head, self.message.body) {
            (At::Row(row), _, Some(body)) => format!("{}[{}]/{name}", body.name, row + 1),
            (_, Some(head), _) => format!("{head}/{name}"),
            _ => name.to_owned(),
        };
        let place = Place {
            number: self.message.number,
            ordinal: self.document.ordinal,
            field: &field,
            offset,
        };
        self.findings.push(finding(place, rule, value, other));
    }

    /// The findings with the document's key on this document's, and whether it is refused.
    fn close(mut self) -> (Vec<Finding>, bool) {
        if self.findings.len() > self.first {
            let key = self.key_in_words();
            for told in self.findings.iter_mut().skip(self.first) {
                told.document_key.clone_from(&key);
            }
        }
        (self.findings, self.refused)
    }

    fn key_in_words(&self) -> String {
        let Some(identity) = self.identity else {
            return String::new();
        };
        let words: Vec<String> = identity
            .words
            .iter()
            .map(|(word, field)| format!("{word} {}", self.head().get(field).trim()))
            .collect();
        words.join(" ")
    }
}
