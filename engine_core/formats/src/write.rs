//! Writing of CEB messages from the same table that reads them.

use std::fmt;

use crate::model::{self, CEB_NS, FieldSpec, MAX_PAYLOADS, Message, TRANSFER};
use crate::parse::{broken_rule, wanted};
use crate::rule::fill;
use crate::xml::is_allowed;

const GUID_LENGTH: usize = 36;
const VERSION: &str = "1.0";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// Names and texts of one head or row.
pub type Fields = Vec<(String, String)>;

/// One document to write.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub head: Fields,
    pub rows: Vec<Fields>,
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    field: String,
    reason: String,
}

impl Refused {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.field, self.reason)
    }
}

impl std::error::Error for Refused {}

/// A CEB message of this number in the official format.
///
/// # Errors
/// Naming the first field that the table does not know, misses, or whose text breaks its kind.
pub fn write(
    number: u16,
    documents: &[Content],
    guid: &str,
    transfer: Option<&Fields>,
) -> Result<Vec<u8>, Refused> {
    let message = model::by_number(number)
        .ok_or_else(|| Refused::new("number", format!("{number} is no message of the table")))?;
    if !(1..=MAX_PAYLOADS as usize).contains(&documents.len()) {
        let reason = format!(
            "{} of them, but a message has 1 to {MAX_PAYLOADS}",
            documents.len()
        );
        return Err(Refused::new("documents", reason));
    }
    if guid.chars().count() != GUID_LENGTH || !guid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refused::new(
            "guid",
            format!("{guid:?} is not {GUID_LENGTH} characters long"),
        ));
    }
    let mut writer = Writer::new(512 + documents.len() * 2048);
    writer.raw("<");
    writer.raw(message.root);
    writer.raw(" guid=\"");
    writer.escaped(guid);
    writer.raw(&format!("\" version=\"{VERSION}\" xmlns=\"{CEB_NS}\">"));
    for (at, document) in documents.iter().enumerate() {
        writer
            .document(message, document)
            .map_err(|refused| Refused {
                field: format!("{}[{}]/{}", message.payload, at + 1, refused.field),
                reason: refused.reason,
            })?;
    }
    match (message.enveloped, transfer) {
        (true, Some(transfer)) => {
            writer.element("BaseTransfer", TRANSFER, transfer, "BaseTransfer/")?
        }
        (true, None) => {
            return Err(Refused::new(
                "transfer",
                "missing, but an upstream message names its transmitter",
            ));
        }
        (false, Some(_)) => {
            return Err(Refused::new(
                "transfer",
                "given, but a message from customs has none",
            ));
        }
        (false, None) => {}
    }
    writer.close(message.root);
    Ok(writer.finish())
}

/// Whether a text is what a field's kind asks for.
pub(crate) fn check(spec: &FieldSpec, text: &str, path: &str) -> Result<(), Refused> {
    if let Some(letter) = text.chars().find(|letter| !is_allowed(*letter)) {
        return Err(Refused::new(
            path,
            format!("holds {letter:?}, which XML forbids"),
        ));
    }
    if let Some(only) = spec.default.filter(|only| spec.fixed && *only != text) {
        return Err(Refused::new(path, format!("{text:?} must be {only}")));
    }
    let Some(rule) = broken_rule(spec.kind, text) else {
        return Ok(());
    };
    let sentence = fill(
        rule.entry().sentence,
        &format!("{text:?}"),
        text,
        &wanted(spec.kind),
    );
    Err(Refused::new(path, sentence.trim_end_matches('.')))
}

/// Builds the bytes.
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    pub(crate) fn new(capacity: usize) -> Self {
        let mut out = String::with_capacity(capacity);
        out.push_str(DECLARATION);
        Self { out }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        self.escaped(text);
        self.close(name);
    }

    fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn escaped(&mut self, text: &str) {
        if !text.contains(['&', '<', '>', '\r', '"']) {
            self.out.push_str(text);
            return;
        }
        for letter in text.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                // Written as it is, a reader would take it for a line feed.
                '\r' => self.out.push_str("&#13;"),
                plain => self.out.push(plain),
            }
        }
    }

    fn document(&mut self, message: &Message, document: &Content) -> Result<(), Refused> {
        let Some((head, body)) = message.head.zip(message.body) else {
            if !document.rows.is_empty() {
                return Err(Refused::new("rows", "given, but the document has none"));
            }
            return self.element(message.payload, message.fields, &document.head, "");
        };
        let count = document.rows.len() as u64;
        if count < u64::from(body.min) || count > u64::from(body.max) {
            let most = if body.max == u32::MAX {
                "any number".to_owned()
            } else {
                body.max.to_string()
            };
            let reason = format!("{count} of them, but {} to {most} are allowed", body.min);
            return Err(Refused::new("rows", reason));
        }
        self.open(message.payload);
        self.element(head, message.fields, &document.head, &format!("{head}/"))?;
        for (at, row) in document.rows.iter().enumerate() {
            self.element(
                body.name,
                body.fields,
                row,
                &format!("{}[{}]/", body.name, at + 1),
            )?;
        }
        self.close(message.payload);
        Ok(())
    }

    /// An element with its leaves in the order of the table.
    fn element(
        &mut self,
        name: &str,
        specs: &'static [FieldSpec],
        fields: &Fields,
        prefix: &str,
    ) -> Result<(), Refused> {
        if let Some((unknown, _)) = fields
            .iter()
            .find(|(name, _)| !specs.iter().any(|spec| spec.name == name))
        {
            return Err(Refused::new(
                format!("{prefix}{unknown}"),
                "is no field of the table",
            ));
        }
        self.open(name);
        for spec in specs {
            let given = fields
                .iter()
                .find(|(name, _)| name == spec.name)
                .map(|(_, text)| text.as_str());
            match given {
                Some("") if !spec.required => {}
                Some(text) => {
                    check(spec, text, &format!("{prefix}{}", spec.name))?;
                    self.leaf(spec.name, text);
                }
                None if spec.required => {
                    return Err(Refused::new(format!("{prefix}{}", spec.name), "is missing"));
                }
                None => {}
            }
        }
        self.close(name);
        Ok(())
    }
}
