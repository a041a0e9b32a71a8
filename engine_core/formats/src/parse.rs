//! Structural reading of a CEB message: exactly what the official schema accepts, with a finding for what it does not.

mod envelope;
mod facets;
mod row;
mod signature;

use std::borrow::Cow;
use std::ops::Range;

use crate::finding::{Place, finding};
use crate::model::{
    self, EXTEND, FieldSpec, MAX_PAYLOADS, MAX_SUBSCRIBERS, Message, SUBSCRIBE, TRANSFER, former,
};
use crate::proto::Finding;
use crate::rule::Rule;
use crate::xml::{Cursor, Ns, Tag, Token, XmlError, is_blank, plain};

pub use envelope::unwrap;
pub use facets::{broken_rule, wanted};
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

/// A message whose structure is not the schema's.
#[derive(Clone, Debug, Default)]
pub struct Malformed {
    /// Number of the message; 0 when not even the root was known.
    pub number: u16,
    /// Documents begun before reading stopped.
    pub documents: u32,
    /// What is wrong, at least one thing, all of severity malformed.
    pub findings: Vec<Finding>,
}

impl Malformed {
    /// A message refused as a whole for one reason.
    #[must_use]
    pub fn whole(rule: Rule, offset: usize, other: &str) -> Self {
        let place = Place {
            number: 0,
            ordinal: 0,
            field: "",
            offset,
        };
        Self {
            number: 0,
            documents: 0,
            findings: vec![finding(place, rule, "", other)],
        }
    }
}

impl From<XmlError> for Malformed {
    fn from(error: XmlError) -> Self {
        Self::whole(error.rule, error.offset, &error.other)
    }
}

/// Reads one CEB message.
///
/// # Errors
/// When the message is not what the schema describes.
pub fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Malformed> {
    if bytes.len() > MAX_BYTES {
        return Err(Malformed::whole(Rule::TooLarge, 0, &MAX_BYTES.to_string()));
    }
    let (cursor, root) = open(bytes)?;
    rest(cursor, &root)
}

/// A cursor behind the start tag of the root, and that tag.
///
/// # Errors
/// When the input is no XML up to there.
pub fn open(bytes: &[u8]) -> Result<(Cursor<'_>, Tag<'_>), Malformed> {
    let mut cursor = Cursor::new(bytes)?;
    match cursor.step()? {
        Token::Start(root) => Ok((cursor, root)),
        _ => Err(Malformed::whole(
            Rule::NotWellFormed,
            0,
            "there is no root element",
        )),
    }
}

/// Reads a CEB message whose root tag was taken already.
///
/// # Errors
/// When the message is not what the schema describes.
pub fn rest<'a>(mut cursor: Cursor<'a>, root: &Tag<'a>) -> Result<Parsed<'a>, Malformed> {
    let mut reading = Reading::default();
    match reading.message(&mut cursor, root) {
        Ok(parsed) if reading.findings.is_empty() => Ok(parsed),
        _ => Err(reading.malformed()),
    }
}

/// Marks that reading cannot go on; the finding is already told.
struct Stop;

/// State of one reading.
#[derive(Default)]
struct Reading {
    number: u16,
    ordinal: u32,
    documents: u32,
    findings: Vec<Finding>,
}

impl Reading {
    fn tell(&mut self, field: &str, rule: Rule, offset: usize, value: &str, other: &str) {
        let place = Place {
            number: self.number,
            ordinal: self.ordinal,
            field,
            offset,
        };
        self.findings.push(finding(place, rule, value, other));
    }

    /// Whether enough was told: more would help nobody, and a message of empty rows would fill the memory.
    fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    fn stop(&mut self, field: &str, rule: Rule, offset: usize, value: &str, other: &str) -> Stop {
        self.tell(field, rule, offset, value, other);
        Stop
    }

    fn step<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Token<'a>, Stop> {
        cursor.step().map_err(|error| self.broken(&error))
    }

    fn broken(&mut self, error: &XmlError) -> Stop {
        self.stop("", error.rule, error.offset, "", &error.other)
    }

    /// What was told; never nothing.
    fn malformed(mut self) -> Malformed {
        if self.findings.is_empty() {
            self.tell("", Rule::NotWellFormed, 0, "", "it ends too early");
        }
        Malformed {
            number: self.number,
            documents: self.documents,
            findings: self.findings,
        }
    }

    fn message<'a>(&mut self, cursor: &mut Cursor<'a>, root: &Tag<'a>) -> Result<Parsed<'a>, Stop> {
        let found = model::by_root(root.local).filter(|_| root.ns == Ns::Ceb);
        let Some(message) = found else {
            return Err(self.stop("", Rule::RootUnknown, root.range.start, root.local, ""));
        };
        self.number = message.number;
        let (guid, version) = self.root_attributes(root);
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
        self.children(cursor, root, &mut parsed)?;
        // Whatever follows the root must be well formed too.
        self.step(cursor)?;
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
                    self.tell(
                        &format!("@{other}"),
                        Rule::AttributeUnexpected,
                        offset,
                        raw,
                        "",
                    );
                }
            }
        }
        let mut read =
            |name: &str, value: Option<Cow<'_, str>>, lengths: Range<usize>, wanted: &str| {
                let Some(value) = value else {
                    self.tell(name, Rule::AttributeMissing, offset, "", "");
                    return String::new();
                };
                if !lengths.contains(&value.chars().count()) {
                    self.tell(name, Rule::AttributeInvalid, offset, &value, wanted);
                }
                value.into_owned()
            };
        let [guid, version] = values;
        (
            read("@guid", guid, 36..37, "36 characters long"),
            read("@version", version, 1..11, "1 to 10 characters long"),
        )
    }

    /// The children of the root, in the order of the schema.
    fn children<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        root: &Tag<'a>,
        parsed: &mut Parsed<'a>,
    ) -> Result<(), Stop> {
        // 0 payload, 1 transfer, 2 subscribers, 3 signature, 4 extension: what came last.
        let mut stage = 0u8;
        loop {
            let tag = match self.step(cursor)? {
                Token::Start(tag) => tag,
                Token::Text(text, _) if is_blank(&text) => continue,
                Token::Text(_, offset) => {
                    return Err(self.stop("", Rule::TextUnexpected, offset, "", ""));
                }
                Token::End(end) => return self.closing(parsed, stage, end),
                Token::Eof => return Err(Stop),
            };
            let offset = tag.range.start;
            let enveloped = parsed.message.enveloped && !parsed.documents.is_empty();
            match (tag.ns, tag.local) {
                (Ns::Ceb, name) if name == parsed.message.payload && stage == 0 => {
                    self.ordinal = self.documents;
                    if self.documents >= MAX_PAYLOADS {
                        let most = MAX_PAYLOADS.to_string();
                        return Err(self.stop(name, Rule::TooManyDocuments, offset, "", &most));
                    }
                    self.documents += 1;
                    let document = self.payload(cursor, &tag, root, parsed.message)?;
                    parsed.documents.push(document);
                }
                (Ns::Ceb, "BaseTransfer") if enveloped && stage == 0 => {
                    stage = 1;
                    parsed.transfer = Some(self.row(cursor, &tag, TRANSFER, "BaseTransfer/")?);
                }
                (Ns::Ceb, "BaseSubscribe") if enveloped && (stage == 1 || stage == 2) => {
                    stage = 2;
                    let count = parsed.subscribers.len() + 1;
                    if count > MAX_SUBSCRIBERS as usize {
                        let most = MAX_SUBSCRIBERS.to_string();
                        return Err(self.stop(
                            "BaseSubscribe",
                            Rule::TooManyElements,
                            offset,
                            "",
                            &most,
                        ));
                    }
                    let row =
                        self.row(cursor, &tag, SUBSCRIBE, &format!("BaseSubscribe[{count}]/"))?;
                    parsed.subscribers.push(row);
                }
                (Ns::Ds, "Signature") if enveloped && (stage == 1 || stage == 2) => {
                    stage = 3;
                    parsed.signed = true;
                    self.signature(cursor, &tag)?;
                }
                (Ns::Ceb, "ExtendMessage") if enveloped && (1..=3).contains(&stage) => {
                    stage = 4;
                    parsed.extended = true;
                    self.row(cursor, &tag, EXTEND, "ExtendMessage/")?;
                }
                _ => return Err(self.unexpected(&tag, "")),
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
        Err(self.stop(missing, Rule::ElementMissing, end, "", ""))
    }

    fn payload<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        tag: &Tag<'a>,
        root: &Tag<'a>,
        message: &'static Message,
    ) -> Result<ParsedDocument<'a>, Stop> {
        let own = |prefix: &str| tag.declarations.iter().any(|(known, _)| *known == prefix);
        let inherited = root
            .declarations
            .iter()
            .filter(|(prefix, _)| !own(prefix))
            .copied()
            .collect();
        let mut rows = Vec::new();
        let (head, end) = match (message.head, message.body) {
            (Some(head_name), Some(body)) => {
                self.bare(tag, "")?;
                let Ok(head_tag) = self.child(cursor, head_name)? else {
                    return Err(self.stop(head_name, Rule::ElementMissing, tag.range.end, "", ""));
                };
                let head = self.row(cursor, &head_tag, message.fields, &format!("{head_name}/"))?;
                let end = loop {
                    let row_tag = match self.child(cursor, body.name)? {
                        Ok(row_tag) => row_tag,
                        Err(end) => break end,
                    };
                    if rows.len() as u64 >= u64::from(body.max) {
                        let most = body.max.to_string();
                        let offset = row_tag.range.start;
                        return Err(self.stop(body.name, Rule::TooManyLines, offset, "", &most));
                    }
                    let prefix = format!("{}[{}]/", body.name, rows.len() + 1);
                    rows.push(self.row(cursor, &row_tag, body.fields, &prefix)?);
                };
                if (rows.len() as u64) < u64::from(body.min) {
                    return Err(self.stop(body.name, Rule::ElementMissing, end, "", ""));
                }
                (head, end)
            }
            _ => {
                let head = self.row(cursor, tag, message.fields, "")?;
                let end = head.end;
                (head, end)
            }
        };
        Ok(ParsedDocument {
            ordinal: self.ordinal,
            range: tag.range.start..end,
            head,
            rows,
            inherited,
        })
    }

    /// The next child element, which must have this name, or the end of the parent.
    fn child<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        name: &str,
    ) -> Result<Result<Tag<'a>, usize>, Stop> {
        loop {
            match self.step(cursor)? {
                Token::Start(tag) if tag.ns == Ns::Ceb && tag.local == name => {
                    self.bare(&tag, "")?;
                    return Ok(Ok(tag));
                }
                Token::Start(tag) => return Err(self.unexpected(&tag, "")),
                Token::End(end) => return Ok(Err(end)),
                Token::Text(text, _) if is_blank(&text) => {}
                Token::Text(_, offset) => {
                    return Err(self.stop("", Rule::TextUnexpected, offset, "", ""));
                }
                Token::Eof => return Err(Stop),
            }
        }
    }

    /// Elements below the root take no attributes.
    fn bare(&mut self, tag: &Tag<'_>, prefix: &str) -> Result<(), Stop> {
        let Some((name, value)) = tag.attributes.first() else {
            return Ok(());
        };
        let field = format!("{prefix}{}/@{name}", tag.local);
        Err(self.stop(
            &field,
            Rule::AttributeUnexpected,
            tag.range.start,
            value,
            "",
        ))
    }

    fn unexpected(&mut self, tag: &Tag<'_>, prefix: &str) -> Stop {
        let field = format!("{prefix}{}", tag.local);
        self.stop(&field, Rule::ElementUnexpected, tag.range.start, "", "")
    }

    fn missing(&mut self, spec: &FieldSpec, prefix: &str, offset: usize) {
        let field = format!("{prefix}{}", spec.name);
        let young = former::lacked(self.number, spec.name);
        let rule = if young {
            Rule::ElementSince202205
        } else {
            Rule::ElementMissing
        };
        self.tell(&field, rule, offset, "", "");
    }
}
