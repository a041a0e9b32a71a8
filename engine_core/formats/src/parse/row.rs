//! Reading of one flat sequence of leaf elements.

use std::borrow::Cow;

use crate::decimal;
use crate::model::{FieldSpec, Kind, former};
use crate::rule::Rule;
use crate::xml::{Cursor, Ns, Tag, Token, is_blank};

use super::{Reading, Stop, facets};

/// One field of a row.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    pub spec: &'static FieldSpec,
    pub value: Cow<'a, str>,
    /// Where its start tag begins in the input.
    pub offset: usize,
}

/// The fields of a head, a line or an envelope element, in schema order.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    pub cells: Vec<Cell<'a>>,
    pub start: usize,
    /// The byte after the end tag.
    pub end: usize,
}

impl Row<'_> {
    /// The cell of this name, when the element is there.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell<'_>> {
        self.cells.iter().find(|cell| cell.spec.name == name)
    }

    /// The value of this name; empty when the element is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.cell(name).map_or("", |cell| &cell.value)
    }

    /// The decimal of this name, scaled; `None` when absent.
    #[must_use]
    pub fn scaled(&self, name: &str) -> Option<i128> {
        decimal::scaled(self.get(name))
    }

    /// The integer of this name; `None` when absent.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i32> {
        decimal::integer(self.get(name), 10)
    }
}

impl Reading {
    /// Reads the leaves of an element just opened, up to its end.
    pub(super) fn row<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        tag: &Tag<'a>,
        specs: &'static [FieldSpec],
        prefix: &str,
    ) -> Result<Row<'a>, Stop> {
        self.bare(tag, "")?;
        let mut row = Row {
            cells: Vec::with_capacity(specs.len()),
            start: tag.range.start,
            end: 0,
        };
        let mut next = 0usize;
        loop {
            match self.step(cursor)? {
                Token::Start(leaf) => {
                    let wanted = specs.get(next..).unwrap_or_default();
                    let place = wanted
                        .iter()
                        .position(|spec| leaf.ns == Ns::Ceb && spec.name == leaf.local);
                    let Some(place) = place else {
                        return Err(self.unexpected(&leaf, prefix));
                    };
                    for (passed, spec) in wanted.iter().enumerate() {
                        if passed == place {
                            self.bare(&leaf, prefix)?;
                            let cell = self.leaf(cursor, &leaf, spec, prefix)?;
                            row.cells.push(cell);
                            break;
                        }
                        if spec.required {
                            self.missing(spec, prefix, leaf.range.start);
                        }
                    }
                    next += place + 1;
                }
                Token::End(end) => {
                    for spec in specs
                        .get(next..)
                        .unwrap_or_default()
                        .iter()
                        .filter(|spec| spec.required)
                    {
                        self.missing(spec, prefix, end);
                    }
                    row.end = end;
                    return if self.is_full() { Err(Stop) } else { Ok(row) };
                }
                Token::Text(text, _) if is_blank(&text) => {}
                Token::Text(_, offset) => {
                    let field = prefix.trim_end_matches('/');
                    return Err(self.stop(field, Rule::TextUnexpected, offset, "", ""));
                }
                Token::Eof => return Err(Stop),
            }
        }
    }

    /// Reads one leaf just opened.
    pub(super) fn leaf<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        tag: &Tag<'a>,
        spec: &'static FieldSpec,
        prefix: &str,
    ) -> Result<Cell<'a>, Stop> {
        let offset = tag.range.start;
        if spec.kind == Kind::Any {
            self.any(cursor, spec, prefix)?;
            return Ok(Cell {
                spec,
                value: Cow::Borrowed(""),
                offset,
            });
        }
        let mut pieces = 0usize;
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        loop {
            match self.step(cursor)? {
                Token::Text(piece, _) => {
                    pieces += 1;
                    // Only text in several pieces, around a comment or a reference, is copied.
                    if pieces == 1 {
                        text = piece;
                    } else {
                        text.to_mut().push_str(&piece);
                    }
                }
                Token::End(_) => break,
                Token::Start(inner) => {
                    let field = format!("{prefix}{}/{}", spec.name, inner.local);
                    let offset = inner.range.start;
                    return Err(self.stop(&field, Rule::ElementUnexpected, offset, "", ""));
                }
                Token::Eof => return Err(Stop),
            }
        }
        if let (0, Some(default)) = (pieces, spec.default) {
            text = Cow::Borrowed(default);
        }
        self.facets(spec, prefix, offset, &text);
        Ok(Cell {
            spec,
            value: facets::value(spec.kind, text),
            offset,
        })
    }

    fn facets(&mut self, spec: &FieldSpec, prefix: &str, offset: usize, text: &str) {
        let only = spec.default.filter(|only| spec.fixed && *only != text);
        if let Some(only) = only {
            let field = format!("{prefix}{}", spec.name);
            self.tell(&field, Rule::ValueFixed, offset, text, only);
        } else if let Some(rule) = facets::broken_rule(spec.kind, text) {
            let field = format!("{prefix}{}", spec.name);
            let length = text.chars().count();
            let old = rule == Rule::LengthInvalid && former::fitted(self.number, spec.name, length);
            let rule = if old { Rule::LengthOf2018 } else { rule };
            self.tell(&field, rule, offset, text, &facets::wanted(spec.kind));
        }
    }

    /// An element that takes at most one element of any kind and no text.
    fn any(&mut self, cursor: &mut Cursor<'_>, spec: &FieldSpec, prefix: &str) -> Result<(), Stop> {
        let mut inside = 0u32;
        let field = format!("{prefix}{}", spec.name);
        loop {
            match self.step(cursor)? {
                Token::Start(tag) => {
                    inside += 1;
                    if inside > 1 {
                        return Err(self.unexpected(&tag, prefix));
                    }
                    cursor.named(&tag).map_err(|error| self.broken(&error))?;
                    cursor.skip().map_err(|error| self.broken(&error))?;
                }
                Token::Text(text, _) if is_blank(&text) => {}
                Token::Text(_, offset) => {
                    return Err(self.stop(&field, Rule::TextUnexpected, offset, "", ""));
                }
                Token::End(_) => return Ok(()),
                Token::Eof => return Err(Stop),
            }
        }
    }
}
