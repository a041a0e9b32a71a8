//! Strict XML cursor over a byte slice: quick-xml's namespace reader plus the well-formedness rules it leaves out.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use crate::codes::is_digits;
use crate::finding::shorten;
use crate::model::{CEB_NS, DS_NS};
use crate::rule::Rule;

mod lex;

use lex::{MAX_ATTRIBUTES, attributes, forbidden_character, normal_lines, reference};
pub use lex::{is_allowed, is_blank, is_name, plain};

/// Namespace of the terminal envelope.
pub const DXP_NS: &str = "http://www.chinaport.gov.cn/dxp";
/// Deepest nesting: the schemas need 8, a signature some more.
const MAX_DEPTH: usize = 32;
const XSI_NS: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The namespaces the codec tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ns {
    Ceb,
    Ds,
    Dxp,
    Other,
}

/// Why reading stopped: rule, offset in the input, what it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlError {
    pub rule: Rule,
    pub offset: usize,
    pub other: String,
}

/// A start tag: namespace, local name and the bytes it covers.
#[derive(Clone, Debug)]
pub struct Tag<'a> {
    pub ns: Ns,
    pub local: &'a str,
    pub range: Range<usize>,
    /// Attributes other than namespace declarations and schema hints: name and raw value.
    pub attributes: Vec<(&'a str, &'a str)>,
    /// Namespace declarations: prefix (empty for the default) and raw value.
    pub declarations: Vec<(&'a str, &'a str)>,
}

/// What the cursor meets.
#[derive(Debug)]
pub enum Token<'a> {
    Start(Tag<'a>),
    /// The byte after the end tag.
    End(usize),
    /// A piece of character data and its offset.
    Text(Cow<'a, str>, usize),
    Eof,
}

/// Reads one document forward; offsets count from the start of the bytes given, a byte-order mark included.
pub struct Cursor<'a> {
    reader: NsReader<&'a [u8]>,
    text: &'a str,
    base: usize,
    depth: usize,
    seen_root: bool,
    /// Events read so far: only the first may be the XML declaration.
    events: u64,
}

impl<'a> Cursor<'a> {
    /// Checks encoding and characters, then stands before the first token.
    ///
    /// # Errors
    /// When the bytes are not UTF-8 or hold a character that XML forbids.
    pub fn new(bytes: &'a [u8]) -> Result<Self, XmlError> {
        let base = if bytes.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let text = std::str::from_utf8(bytes.get(base..).unwrap_or_default()).map_err(|error| {
            XmlError {
                rule: Rule::EncodingInvalid,
                offset: base + error.valid_up_to(),
                other: "a byte starts no character".to_owned(),
            }
        })?;
        if let Some(offset) = forbidden_character(text) {
            return Err(XmlError {
                rule: Rule::NotWellFormed,
                offset: base + offset,
                other: "it holds a character that XML forbids".to_owned(),
            });
        }
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Ok(Self {
            reader,
            text,
            base,
            depth: 0,
            seen_root: false,
            events: 0,
        })
    }

    /// The next tag, end or piece of text; comments and instructions are passed over.
    ///
    /// # Errors
    /// When the input is not well-formed XML, or declares a document type.
    pub fn step(&mut self) -> Result<Token<'a>, XmlError> {
        loop {
            let start = self.position();
            let before_first = self.events == 0;
            self.events += 1;
            let (ns, event) = match self.reader.read_resolved_event() {
                Ok((resolved, event)) => (namespace(&resolved), event),
                Err(error) => return Err(self.malformed(start, error.to_string())),
            };
            match event {
                Event::Start(_) => {
                    let Some(ns) = ns else {
                        return Err(self.malformed(start, "a prefix is not declared".to_owned()));
                    };
                    if self.depth == 0 && self.seen_root {
                        return Err(
                            self.malformed(start, "there is a second root element".to_owned())
                        );
                    }
                    self.seen_root = true;
                    if self.depth == MAX_DEPTH {
                        let other = MAX_DEPTH.to_string();
                        return Err(XmlError {
                            rule: Rule::TooDeep,
                            offset: self.base + start,
                            other,
                        });
                    }
                    self.depth += 1;
                    return self.tag(ns, start).map(Token::Start);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Token::End(self.base + self.position()));
                }
                Event::Text(_) => match self.text(start)? {
                    Some(text) => return Ok(text),
                    None => continue,
                },
                Event::CData(_) => return self.cdata(start),
                Event::GeneralRef(_) => return self.reference(start),
                Event::Decl(_) => {
                    if !before_first {
                        return Err(self.malformed(
                            start,
                            "the XML declaration is not at the start".to_owned(),
                        ));
                    }
                    self.declaration(start)?;
                }
                Event::PI(_) => self.instruction(start)?,
                Event::DocType(_) => {
                    return Err(XmlError {
                        rule: Rule::DtdForbidden,
                        offset: self.base + start,
                        other: String::new(),
                    });
                }
                Event::Eof => {
                    if self.depth > 0 || !self.seen_root {
                        return Err(self.malformed(start, "the message ends too early".to_owned()));
                    }
                    return Ok(Token::Eof);
                }
                Event::Comment(_) | Event::Empty(_) => {}
            }
        }
    }

    /// Character data; nothing when it is the blank between markup outside the root.
    fn text(&self, start: usize) -> Result<Option<Token<'a>>, XmlError> {
        let raw = self.slice(start..self.position());
        if let Some(at) = raw.find("]]>") {
            let other = "text holds the end mark of CDATA".to_owned();
            return Err(self.malformed(start + at, other));
        }
        if self.depth > 0 {
            return Ok(Some(Token::Text(normal_lines(raw), self.base + start)));
        }
        if is_blank(raw) {
            return Ok(None);
        }
        Err(self.malformed(start, "there is text outside the root element".to_owned()))
    }

    fn cdata(&self, start: usize) -> Result<Token<'a>, XmlError> {
        let raw = self.slice(start + 9..self.position().saturating_sub(3));
        if self.depth == 0 {
            return Err(self.malformed(start, "there is text outside the root element".to_owned()));
        }
        Ok(Token::Text(normal_lines(raw), self.base + start))
    }

    fn reference(&self, start: usize) -> Result<Token<'a>, XmlError> {
        let raw = self.slice(start + 1..self.position().saturating_sub(1));
        let Some(character) = reference(raw).filter(|_| self.depth > 0) else {
            let other = "an entity reference is not one of XML's own".to_owned();
            return Err(self.malformed(start, other));
        };
        Ok(Token::Text(
            Cow::Owned(character.to_string()),
            self.base + start,
        ))
    }

    /// An instruction is passed over, but its target must be a name, and not the declaration's.
    fn instruction(&self, start: usize) -> Result<(), XmlError> {
        let raw = self.slice(start + 2..self.position().saturating_sub(2));
        let end = raw.find([' ', '\t', '\n', '\r']).unwrap_or(raw.len());
        let target = raw.get(..end).unwrap_or_default();
        if is_name(target) && !target.contains(':') && !target.eq_ignore_ascii_case("xml") {
            return Ok(());
        }
        Err(self.malformed(start, "an instruction has no name of its own".to_owned()))
    }

    /// Passes over everything up to the end of the element just opened, well-formedness checked; returns its end.
    ///
    /// # Errors
    /// When the subtree is not well formed.
    pub fn skip(&mut self) -> Result<usize, XmlError> {
        let outer = self.depth;
        loop {
            match self.step()? {
                Token::Start(tag) => self.named(&tag)?,
                Token::End(end) if self.depth < outer => return Ok(end),
                Token::Eof => return Ok(self.base + self.position()),
                Token::End(_) | Token::Text(..) => {}
            }
        }
    }

    /// An element that no table knows must still have a name of XML.
    ///
    /// # Errors
    /// When it has none.
    pub fn named(&self, tag: &Tag<'_>) -> Result<(), XmlError> {
        if is_name(tag.local) && !tag.local.contains(':') {
            return Ok(());
        }
        let at = tag.range.start - self.base;
        Err(self.malformed(at, "an element has no name".to_owned()))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    fn malformed(&self, at: usize, other: String) -> XmlError {
        XmlError {
            rule: Rule::NotWellFormed,
            offset: self.base + at,
            other,
        }
    }

    fn declaration(&self, start: usize) -> Result<(), XmlError> {
        let raw = self.slice(start..self.position());
        let inner = raw.trim_start_matches("<?xml").trim_end_matches("?>");
        let parts = attributes(inner)
            .ok_or_else(|| self.malformed(start, "the XML declaration is broken".to_owned()))?;
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let ordered = matches!(
            names.as_slice(),
            ["version"]
                | ["version", "encoding"]
                | ["version", "standalone"]
                | ["version", "encoding", "standalone"]
        );
        let minor = parts
            .first()
            .and_then(|(_, value)| value.strip_prefix("1."));
        let version = minor.is_some_and(|digits| !digits.is_empty() && is_digits(digits));
        if !ordered || !version {
            return Err(self.malformed(start, "the XML declaration is broken".to_owned()));
        }
        for (name, value) in parts {
            if name == "standalone" && !matches!(value, "yes" | "no") {
                return Err(self.malformed(start, "the XML declaration is broken".to_owned()));
            }
            // ASCII is a subset of UTF-8; every other charset would make the stored bytes ambiguous.
            if name == "encoding"
                && !["utf-8", "utf8", "us-ascii"]
                    .iter()
                    .any(|known| value.eq_ignore_ascii_case(known))
            {
                return Err(XmlError {
                    rule: Rule::EncodingInvalid,
                    offset: self.base + start,
                    other: format!("it declares {}", shorten(value)),
                });
            }
        }
        Ok(())
    }

    fn tag(&self, ns: Ns, start: usize) -> Result<Tag<'a>, XmlError> {
        let end = self.position();
        let raw = self.slice(start..end);
        let inner = raw.trim_start_matches('<').trim_end_matches('>');
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let name_end = inner.find([' ', '\t', '\n', '\r']).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(name_end);
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        let mut tag = Tag {
            ns,
            local,
            range: self.base + start..self.base + end,
            attributes: Vec::new(),
            declarations: Vec::new(),
        };
        if rest.is_empty() {
            return Ok(tag);
        }
        let all = attributes(rest).ok_or_else(|| {
            self.malformed(start, "the attributes of a tag are broken".to_owned())
        })?;
        if all.len() > MAX_ATTRIBUTES {
            return Err(XmlError {
                rule: Rule::TooManyAttributes,
                offset: self.base + start,
                other: MAX_ATTRIBUTES.to_string(),
            });
        }
        for (name, value) in all {
            if name == "xmlns" {
                tag.declarations.push(("", value));
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                if value.is_empty() {
                    return Err(self.malformed(start, "a prefix is bound to nothing".to_owned()));
                }
                tag.declarations.push((prefix, value));
            } else if !self.is_schema_hint(name, start)? {
                tag.attributes.push((name, value));
            }
        }
        Ok(tag)
    }

    /// Whether an attribute is one of the two schema hints that any element may carry.
    fn is_schema_hint(&self, name: &str, start: usize) -> Result<bool, XmlError> {
        if !name.contains(':') || name.starts_with("xml:") {
            return Ok(false);
        }
        let (resolved, local) = self
            .reader
            .resolve_attribute(quick_xml::name::QName(name.as_bytes()));
        match resolved {
            ResolveResult::Bound(bound) => Ok(bound.as_ref() == XSI_NS.as_bytes()
                && matches!(
                    local.as_ref(),
                    b"schemaLocation" | b"noNamespaceSchemaLocation"
                )),
            ResolveResult::Unbound => Ok(false),
            ResolveResult::Unknown(_) => Err(self.malformed(
                start,
                "the prefix of an attribute is not declared".to_owned(),
            )),
        }
    }
}

fn namespace(resolved: &ResolveResult<'_>) -> Option<Ns> {
    match resolved {
        ResolveResult::Bound(bound) => Some(match bound.as_ref() {
            name if name == CEB_NS.as_bytes() => Ns::Ceb,
            name if name == DS_NS.as_bytes() => Ns::Ds,
            name if name == DXP_NS.as_bytes() => Ns::Dxp,
            _ => Ns::Other,
        }),
        ResolveResult::Unbound => Some(Ns::Other),
        ResolveResult::Unknown(_) => None,
    }
}
