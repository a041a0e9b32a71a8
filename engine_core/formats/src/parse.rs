//! Structural reading of a CEB message: exactly what the official schema accepts, with a finding for what it does not.

mod facets;
mod row;

use std::ops::Range;

use crate::finding::{Place, finding};
use crate::model::{self, EXTEND, FieldSpec, MAX_PAYLOADS, MAX_SUBSCRIBERS, Message, SUBSCRIBE, TRANSFER};
use crate::proto::{Finding, Severity};
use crate::xml::{Cursor, Ns, Tag, Token, XmlError, is_blank, plain};

pub use row::{Cell, Row};

/// Largest message that is read at all.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Findings after which reading stops: more would help nobody.
const MAX_FINDINGS: usize = 200;

/// One payload element.
#[derive(Clone, Debug)]
pub struct ParsedDocument<'a> {
    /// Position in the message, from 0.
    pub ordinal: u32,
    /// The bytes of the payload element in the input.
    pub range: Range<usize>,
    /// The head, or the payload itself when it has no head.
    pub head: Row<'a>,
    pub rows: Vec<Row<'a>>,
    /// Namespace declarations of the root that the payload element does not make itself.
    pub inherited: Vec<(&'a str, &'a str)>,
}

/// A message whose structure is the schema's.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    pub message: &'static Message,
    pub guid: String,
    pub version: String,
    pub documents: Vec<ParsedDocument<'a>>,
    /// Absent on replies.
    pub transfer: Option<Row<'a>>,
    pub subscribers: Vec<Row<'a>>,
    /// Whether a signature element is there; what it signs is not looked at here.
    pub signed: bool,
    pub extended: bool,
}

/// Reads one CEB message.
///
/// # Errors
/// The findings, all of severity malformed, when the message is not what the schema describes.
pub fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Vec<Finding>> {
    let mut reading = Reading { number: 0, ordinal: 0, findings: Vec::new() };
    if bytes.len() > MAX_BYTES {
        reading.tell("", "TOO_LARGE", 0, "", format!("The message is larger than {MAX_BYTES} bytes."));
        return Err(reading.findings);
    }
    match reading.message(bytes) {
        Ok(parsed) if reading.findings.is_empty() => Ok(parsed),
        _ => Err(reading.findings),
    }
}

/// Marks that reading cannot go on; the finding is already told.
struct Stop;

/// State of one reading.
struct Reading {
    number: u16,
    ordinal: u32,
    findings: Vec<Finding>,
}

impl Reading {
    fn tell(&mut self, field: &str, rule: &str, offset: usize, value: &str, message: String) {
        let place = Place { number: self.number, ordinal: self.ordinal, field, offset };
        self.findings.push(finding(place, rule, Severity::Malformed, value, message));
    }

    fn stop(&mut self, field: &str, rule: &str, offset: usize, value: &str, message: String) -> Stop {
        self.tell(field, rule, offset, value, message);
        Stop
    }

    fn step<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Token<'a>, Stop> {
        cursor.next().map_err(|error| self.broken(error))
    }

    fn broken(&mut self, error: XmlError) -> Stop {
        self.stop("", error.rule, error.offset, "", error.message)
    }

    fn message<'a>(&mut self, bytes: &'a [u8]) -> Result<Parsed<'a>, Stop> {
        let mut cursor = Cursor::new(bytes).map_err(|error| self.broken(error))?;
        let Token::Start(root) = self.step(&mut cursor)? else {
            return Err(self.stop("", "NOT_WELL_FORMED", 0, "", "There is no root element.".to_owned()));
        };
        let found = model::by_root(root.local).filter(|_| root.ns == Ns::Ceb);
        let Some(message) = found else {
            let text = "The root element is no message of the export schema.".to_owned();
            return Err(self.stop("", "ROOT_UNKNOWN", root.range.start, root.local, text));
        };
        self.number = message.number;
        let (guid, version) = self.root_attributes(&root);
        let mut parsed = Parsed {
            message,
            guid,
            version,
            documents: Vec::new(),
            transfer: None,
            subscribers: Vec::new(),
            signed: false,
            extended: false,
        };
        self.children(&mut cursor, &root, &mut parsed)?;
        // Whatever follows the root must be well formed too.
        self.step(&mut cursor)?;
        Ok(parsed)
    }

    fn root_attributes(&mut self, root: &Tag<'_>) -> (String, String) {
        let offset = root.range.start;
        let mut values = [None, None];
        for (name, raw) in &root.attributes {
            match *name {
                "guid" => values[0] = plain(raw),
                "version" => values[1] = plain(raw),
                other => {
                    let text = format!("The root element does not take the attribute {other}.");
                    self.tell(&format!("@{other}"), "ATTRIBUTE_UNEXPECTED", offset, raw, text);
                }
            }
        }
        let mut read = |name: &str, value: Option<std::borrow::Cow<'_, str>>, lengths: Range<usize>| {
            let field = format!("@{name}");
            let Some(value) = value else {
                self.tell(&field, "ATTRIBUTE_MISSING", offset, "", format!("The attribute {name} is missing."));
                return String::new();
            };
            if !lengths.contains(&value.chars().count()) {
                let text = format!("The attribute {name} has the wrong length.");
                self.tell(&field, "ATTRIBUTE_INVALID", offset, &value, text);
            }
            value.into_owned()
        };
        let [guid, version] = values;
        (read("guid", guid, 36..37), read("version", version, 1..11))
    }

    /// The children of the root, in the order of the schema.
    fn children<'a>(&mut self, cursor: &mut Cursor<'a>, root: &Tag<'a>, parsed: &mut Parsed<'a>) -> Result<(), Stop> {
        // 0 payload, 1 transfer, 2 subscribers, 3 signature, 4 extension: what came last.
        let mut stage = 0u8;
        loop {
            let tag = match self.step(cursor)? {
                Token::Start(tag) => tag,
                Token::Text(text, _) if is_blank(&text) => continue,
                Token::Text(text, offset) => {
                    return Err(self.stop("", "TEXT_UNEXPECTED", offset, &text, "Text between elements.".to_owned()));
                }
                Token::End(end) => return self.closing(parsed, stage, end),
                Token::Eof => return Err(Stop),
            };
            let offset = tag.range.start;
            let enveloped = parsed.message.enveloped && !parsed.documents.is_empty();
            match (tag.ns, tag.local) {
                (Ns::Ceb, name) if name == parsed.message.payload && stage == 0 => {
                    let count = u32::try_from(parsed.documents.len()).unwrap_or(u32::MAX);
                    self.ordinal = count;
                    if count >= MAX_PAYLOADS {
                        let text = format!("The message has more than {MAX_PAYLOADS} documents.");
                        return Err(self.stop(name, "TOO_MANY_DOCUMENTS", offset, "", text));
                    }
                    let document = self.payload(cursor, &tag, root, parsed.message)?;
                    parsed.documents.push(document);
                }
                (Ns::Ceb, "BaseTransfer") if enveloped && stage == 0 => {
                    stage = 1;
                    parsed.transfer = Some(self.row(cursor, &tag, TRANSFER, "BaseTransfer/")?);
                }
                (Ns::Ceb, "BaseSubscribe") if enveloped && (stage == 1 || stage == 2) => {
                    stage = 2;
                    if parsed.subscribers.len() as u32 >= MAX_SUBSCRIBERS {
                        let text = format!("The message names more than {MAX_SUBSCRIBERS} subscribers.");
                        return Err(self.stop("BaseSubscribe", "TOO_MANY_ELEMENTS", offset, "", text));
                    }
                    let prefix = format!("BaseSubscribe[{}]/", parsed.subscribers.len() + 1);
                    let row = self.row(cursor, &tag, SUBSCRIBE, &prefix)?;
                    parsed.subscribers.push(row);
                }
                (Ns::Ds, "Signature") if enveloped && (stage == 1 || stage == 2) => {
                    stage = 3;
                    parsed.signed = true;
                    cursor.skip().map_err(|error| self.broken(error))?;
                }
                (Ns::Ceb, "ExtendMessage") if enveloped && (1..=3).contains(&stage) => {
                    stage = 4;
                    parsed.extended = true;
                    self.row(cursor, &tag, EXTEND, "ExtendMessage/")?;
                }
                _ => return Err(self.unexpected(&tag, "")),
            }
            if self.findings.len() >= MAX_FINDINGS {
                return Err(Stop);
            }
        }
    }

    fn closing(&mut self, parsed: &Parsed<'_>, stage: u8, end: usize) -> Result<(), Stop> {
        let missing = if parsed.documents.is_empty() {
            parsed.message.payload
        } else if parsed.message.enveloped && stage == 0 {
            "BaseTransfer"
        } else {
            return Ok(());
        };
        Err(self.stop(missing, "ELEMENT_MISSING", end, "", format!("The element {missing} is missing.")))
    }

    fn payload<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        tag: &Tag<'a>,
        root: &Tag<'a>,
        message: &'static Message,
    ) -> Result<ParsedDocument<'a>, Stop> {
        let own = |prefix: &str| tag.declarations.iter().any(|(known, _)| *known == prefix);
        let inherited = root.declarations.iter().filter(|(prefix, _)| !own(prefix)).copied().collect();
        let mut rows = Vec::new();
        let (head, end) = match (message.head, message.body) {
            (Some(head_name), Some(body)) => {
                self.bare(tag, "")?;
                let Some(head_tag) = self.child(cursor, head_name)?.ok() else {
                    return Err(self.stop(head_name, "ELEMENT_MISSING", tag.range.end, "", format!("{head_name} is missing.")));
                };
                let head = self.row(cursor, &head_tag, message.fields, &format!("{head_name}/"))?;
                let end = loop {
                    let row_tag = match self.child(cursor, body.name)? {
                        Ok(row_tag) => row_tag,
                        Err(end) => break end,
                    };
                    if rows.len() as u64 >= u64::from(body.max) {
                        let text = format!("The document has more than {} rows.", body.max);
                        return Err(self.stop(body.name, "TOO_MANY_LINES", row_tag.range.start, "", text));
                    }
                    let prefix = format!("{}[{}]/", body.name, rows.len() + 1);
                    rows.push(self.row(cursor, &row_tag, body.fields, &prefix)?);
                };
                if (rows.len() as u64) < u64::from(body.min) {
                    let text = format!("{} is missing.", body.name);
                    return Err(self.stop(body.name, "ELEMENT_MISSING", end, "", text));
                }
                (head, end)
            }
            _ => {
                let head = self.row(cursor, tag, message.fields, "")?;
                let end = head.end;
                (head, end)
            }
        };
        Ok(ParsedDocument { ordinal: self.ordinal, range: tag.range.start..end, head, rows, inherited })
    }

    /// The next child element, which must have this name, or the end of the parent.
    fn child<'a>(&mut self, cursor: &mut Cursor<'a>, name: &str) -> Result<Result<Tag<'a>, usize>, Stop> {
        loop {
            match self.step(cursor)? {
                Token::Start(tag) if tag.ns == Ns::Ceb && tag.local == name => {
                    self.bare(&tag, "")?;
                    return Ok(Ok(tag));
                }
                Token::Start(tag) => return Err(self.unexpected(&tag, "")),
                Token::End(end) => return Ok(Err(end)),
                Token::Text(text, _) if is_blank(&text) => {}
                Token::Text(text, offset) => {
                    return Err(self.stop("", "TEXT_UNEXPECTED", offset, &text, "Text between elements.".to_owned()));
                }
                Token::Eof => return Err(Stop),
            }
        }
    }

    /// Elements below the root take no attributes.
    fn bare(&mut self, tag: &Tag<'_>, prefix: &str) -> Result<(), Stop> {
        let Some((name, value)) = tag.attributes.first() else { return Ok(()) };
        let field = format!("{prefix}{}/@{name}", tag.local);
        let text = format!("The element {} takes no attribute.", tag.local);
        Err(self.stop(&field, "ATTRIBUTE_UNEXPECTED", tag.range.start, value, text))
    }

    fn unexpected(&mut self, tag: &Tag<'_>, prefix: &str) -> Stop {
        let field = format!("{prefix}{}", tag.local);
        let text = format!("The element {} is not expected here.", tag.local);
        self.stop(&field, "ELEMENT_UNEXPECTED", tag.range.start, tag.local, text)
    }

    fn missing(&mut self, spec: &FieldSpec, prefix: &str, offset: usize) {
        let field = format!("{prefix}{}", spec.name);
        let text = format!("The element {} is missing.", spec.name);
        self.tell(&field, "ELEMENT_MISSING", offset, "", text);
    }
}
