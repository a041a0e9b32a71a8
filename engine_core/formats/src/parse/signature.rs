//! Reading of a signature's shape. What it signs, and by whom, is not looked at here.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::codes::is_digits;
use crate::decimal;
use crate::model::signature::{AttributeKind, Inside, Node, SIGNATURE};
use crate::rule::Rule;
use crate::xml::{Cursor, Ns, Tag, Token, is_blank, is_name, plain};

use super::{Reading, Stop};

impl Reading {
    /// Passes over a signature just opened.
    pub(super) fn signature(&mut self, cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<(), Stop> {
        let mut ids = HashSet::new();
        self.node(cursor, tag, &SIGNATURE, SIGNATURE.name, &mut ids)
    }

    fn node(
        &mut self,
        cursor: &mut Cursor<'_>,
        tag: &Tag<'_>,
        node: &'static Node,
        path: &str,
        ids: &mut HashSet<String>,
    ) -> Result<(), Stop> {
        self.node_attributes(tag, node, path, ids)?;
        let offset = tag.range.start;
        match node.inside {
            Inside::Text => self.node_text(cursor, path).map(|_| ()),
            Inside::Base64 => {
                let text = self.node_text(cursor, path)?;
                if is_base64(&text) {
                    return Ok(());
                }
                Err(self.stop(path, Rule::DataInvalid, offset, "", ""))
            }
            Inside::Integer => {
                let text = self.node_text(cursor, path)?;
                if is_integer(&text) {
                    return Ok(());
                }
                Err(self.stop(path, Rule::IntegerInvalid, offset, "", "any number of"))
            }
            Inside::Sequence(parts) => self.node_sequence(cursor, parts, path, ids),
            Inside::Choice { of, most, mixed } => {
                let mut count = 0;
                loop {
                    let child = match self.node_child(cursor, path, mixed)? {
                        Ok(child) => child,
                        Err(_) if count > 0 => return Ok(()),
                        Err(end) => {
                            let first = of.first().map_or("", |node| node.name);
                            let field = format!("{path}/{first}");
                            return Err(self.stop(&field, Rule::ElementMissing, end, "", ""));
                        }
                    };
                    let known = of.iter().find(|node| is_node(&child, node));
                    let Some(known) = known.filter(|_| count < most) else {
                        return Err(self.unexpected(&child, &format!("{path}/")));
                    };
                    count += 1;
                    self.node(
                        cursor,
                        &child,
                        known,
                        &format!("{path}/{}", known.name),
                        ids,
                    )?;
                }
            }
        }
    }

    fn node_sequence(
        &mut self,
        cursor: &mut Cursor<'_>,
        parts: &'static [(&'static Node, usize, usize)],
        path: &str,
        ids: &mut HashSet<String>,
    ) -> Result<(), Stop> {
        let mut at = 0;
        let mut count = 0;
        loop {
            let child = self.node_child(cursor, path, false)?;
            // Parts that are satisfied and are not this child are passed.
            while let Some((node, least, most)) = parts.get(at) {
                let fits = child.as_ref().is_ok_and(|tag| is_node(tag, node)) && count < *most;
                if fits {
                    break;
                }
                if count < *least {
                    let offset = child
                        .as_ref()
                        .map_or_else(|end| *end, |tag| tag.range.start);
                    let field = format!("{path}/{}", node.name);
                    return Err(self.stop(&field, Rule::ElementMissing, offset, "", ""));
                }
                at += 1;
                count = 0;
            }
            match (child, parts.get(at)) {
                (Ok(child), Some((node, ..))) => {
                    count += 1;
                    self.node(cursor, &child, node, &format!("{path}/{}", node.name), ids)?;
                }
                (Ok(child), None) => return Err(self.unexpected(&child, &format!("{path}/"))),
                (Err(_), _) => return Ok(()),
            }
        }
    }

    fn node_attributes(
        &mut self,
        tag: &Tag<'_>,
        node: &Node,
        path: &str,
        ids: &mut HashSet<String>,
    ) -> Result<(), Stop> {
        let offset = tag.range.start;
        for (name, raw) in &tag.attributes {
            let field = format!("{path}/@{name}");
            let Some(spec) = node.attributes.iter().find(|spec| spec.name == *name) else {
                return Err(self.stop(&field, Rule::AttributeUnexpected, offset, raw, ""));
            };
            let value = plain(raw).unwrap_or_default();
            let value = decimal::trim(&value);
            let (fits, wanted) = match spec.kind {
                AttributeKind::Uri => (is_uri(value), "an address"),
                AttributeKind::Id => {
                    let free = !value.contains(':') && !ids.contains(value);
                    (free && is_name(value), "a name of its own")
                }
            };
            if !fits {
                return Err(self.stop(&field, Rule::AttributeInvalid, offset, value, wanted));
            }
            if spec.kind == AttributeKind::Id {
                ids.insert(value.to_owned());
            }
        }
        for spec in node.attributes.iter().filter(|spec| spec.required) {
            if !tag.attributes.iter().any(|(name, _)| *name == spec.name) {
                let field = format!("{path}/@{}", spec.name);
                return Err(self.stop(&field, Rule::AttributeMissing, offset, "", ""));
            }
        }
        Ok(())
    }

    /// The next child, or the end of the parent.
    fn node_child<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &str,
        mixed: bool,
    ) -> Result<Result<Tag<'a>, usize>, Stop> {
        loop {
            match self.step(cursor)? {
                Token::Start(tag) => return Ok(Ok(tag)),
                Token::End(end) => return Ok(Err(end)),
                Token::Text(text, _) if mixed || is_blank(&text) => {}
                Token::Text(_, offset) => {
                    return Err(self.stop(path, Rule::TextUnexpected, offset, "", ""));
                }
                Token::Eof => return Err(Stop),
            }
        }
    }

    fn node_text(&mut self, cursor: &mut Cursor<'_>, path: &str) -> Result<String, Stop> {
        let mut text = String::new();
        loop {
            match self.step(cursor)? {
                Token::Text(piece, _) => text.push_str(&piece),
                Token::End(_) => return Ok(text),
                Token::Start(inner) => return Err(self.unexpected(&inner, &format!("{path}/"))),
                Token::Eof => return Err(Stop),
            }
        }
    }
}

fn is_node(tag: &Tag<'_>, node: &Node) -> bool {
    tag.ns == Ns::Ds && tag.local == node.name
}

fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(digits).is_ok()
}

fn is_integer(text: &str) -> bool {
    let text = decimal::trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is an address as RFC 3986 writes it; letters beyond ASCII are those that writers escape.
fn is_uri(text: &str) -> bool {
    // A colon in the first part ends the name of a scheme.
    let first = text.find(['/', '?', '#']).map_or(text, |end| &text[..end]);
    let rest = match first.split_once(':') {
        Some((scheme, _)) if !is_scheme(scheme) => return false,
        Some((scheme, _)) => text.get(scheme.len() + 1..).unwrap_or_default(),
        None => text,
    };
    let hex = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    let letters = text.char_indices().all(|(at, letter)| match letter {
        '%' => hex(at + 1) && hex(at + 2),
        '#' => text.find('#') == Some(at),
        _ => {
            letter.is_ascii_alphanumeric()
                || !letter.is_ascii()
                || "-._~:/?@!$&'()*+,;=".contains(letter)
        }
    });
    letters && rest.strip_prefix("//").is_none_or(has_host)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// Whether a host leads the text, with digits behind its colon and at most one user before it.
fn has_host(text: &str) -> bool {
    let authority = text.find(['/', '?', '#']).map_or(text, |end| &text[..end]);
    let host = authority
        .split_once('@')
        .map_or(authority, |(_, host)| host);
    let port = host.split_once(':').map(|(_, port)| port);
    !host.contains('@') && port.is_none_or(|port| (1..=8).contains(&port.len()) && is_digits(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scheme_a_host_and_plain_letters() {
        for text in [
            "",
            "#a",
            "a/b",
            "urn:x",
            "http://www.w3.org/2000/09/xmldsig#sha1",
            "http://u@h:80/",
            "//h",
            "a%20b",
        ] {
            assert!(is_uri(text), "{text}");
        }
        for text in [
            "a|b",
            "a b",
            "1:x",
            "x'y:z",
            "http://h:/",
            "http://h:x/",
            "http://a@b@c/",
            "#a#b",
            "a%2",
        ] {
            assert!(!is_uri(text), "{text}");
        }
    }
}
