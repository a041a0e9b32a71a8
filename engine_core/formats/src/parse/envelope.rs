//! Reading of the terminal envelope around a CEB message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::envelope::Envelope;
use crate::model::{DATA, ENVELOPE_VERSION, FieldSpec, MAX_RECEIVERS, RECEIVER, TRANS_INFO};
use crate::rule::Rule;
use crate::xml::{Cursor, Ns, Tag, Token, is_blank, plain};

use super::{MAX_BYTES, Malformed, Reading, Stop};

/// Reads an envelope whose root tag was taken already: who sends it to whom, and the message inside.
///
/// # Errors
/// When the envelope is not what the platform's schema describes.
pub fn unwrap(mut cursor: Cursor<'_>, root: &Tag<'_>) -> Result<(Envelope, Vec<u8>), Malformed> {
    let mut reading = Reading::default();
    match reading.envelope(&mut cursor, root) {
        Ok(found) if reading.findings.is_empty() => Ok(found),
        _ => Err(reading.malformed()),
    }
}

impl Reading {
    fn envelope(
        &mut self,
        cursor: &mut Cursor<'_>,
        root: &Tag<'_>,
    ) -> Result<(Envelope, Vec<u8>), Stop> {
        self.envelope_version(root);
        self.open(cursor, "TransInfo", "")?;
        let mut texts = Vec::with_capacity(TRANS_INFO.len());
        let mut receiver_ids = Vec::new();
        for spec in &TRANS_INFO {
            if spec.name == "CreatTime" {
                receiver_ids = self.receivers(cursor)?;
            }
            texts.push(self.field(cursor, spec, "TransInfo/")?);
        }
        self.close(cursor, "TransInfo")?;
        let data_tag = self.open(cursor, DATA.name, "")?;
        let data = self.leaf(cursor, &data_tag, &DATA, "")?;
        self.ending(cursor)?;
        self.step(cursor)?;
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        let envelope = Envelope {
            cop_msg_id: next(),
            sender_id: next(),
            create_time: next(),
            msg_type: next(),
            receiver_ids,
        };
        let message = self.decoded(&data.value, data.offset)?;
        Ok((envelope, message))
    }

    fn envelope_version(&mut self, root: &Tag<'_>) {
        let offset = root.range.start;
        let mut version = None;
        for (name, raw) in &root.attributes {
            match *name {
                "ver" => version = plain(raw),
                "Id" => {}
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
        match version {
            Some(version) if version == ENVELOPE_VERSION => {}
            Some(version) => {
                self.tell(
                    "@ver",
                    Rule::AttributeInvalid,
                    offset,
                    &version,
                    ENVELOPE_VERSION,
                );
            }
            None => self.tell("@ver", Rule::AttributeMissing, offset, "", ""),
        }
    }

    fn receivers(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<String>, Stop> {
        let prefix = "TransInfo/ReceiverIds/";
        let outer = self.open(cursor, "ReceiverIds", "TransInfo/")?;
        let mut found = Vec::new();
        loop {
            match self.between(cursor, prefix)? {
                Ok(tag) if tag.ns == Ns::Dxp && tag.local == RECEIVER.name => {
                    if found.len() == MAX_RECEIVERS {
                        let field = format!("{prefix}{}", RECEIVER.name);
                        let most = MAX_RECEIVERS.to_string();
                        let offset = tag.range.start;
                        return Err(self.stop(&field, Rule::TooManyElements, offset, "", &most));
                    }
                    self.bare(&tag, prefix)?;
                    found.push(
                        self.leaf(cursor, &tag, &RECEIVER, prefix)?
                            .value
                            .into_owned(),
                    );
                }
                Ok(tag) => return Err(self.unexpected(&tag, prefix)),
                Err(_) if found.is_empty() => {
                    let offset = outer.range.end;
                    let field = format!("{prefix}{}", RECEIVER.name);
                    return Err(self.stop(&field, Rule::ElementMissing, offset, "", ""));
                }
                Err(_) => return Ok(found),
            }
        }
    }

    fn field(
        &mut self,
        cursor: &mut Cursor<'_>,
        spec: &'static FieldSpec,
        prefix: &str,
    ) -> Result<String, Stop> {
        let tag = self.open(cursor, spec.name, prefix)?;
        Ok(self.leaf(cursor, &tag, spec, prefix)?.value.into_owned())
    }

    /// The next element, which must have this name.
    fn open<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        name: &str,
        prefix: &str,
    ) -> Result<Tag<'a>, Stop> {
        match self.between(cursor, prefix)? {
            Ok(tag) if tag.ns == Ns::Dxp && tag.local == name => {
                self.bare(&tag, prefix)?;
                Ok(tag)
            }
            Ok(tag) => Err(self.unexpected(&tag, prefix)),
            Err(end) => {
                let field = format!("{prefix}{name}");
                Err(self.stop(&field, Rule::ElementMissing, end, "", ""))
            }
        }
    }

    fn close(&mut self, cursor: &mut Cursor<'_>, name: &str) -> Result<(), Stop> {
        match self.between(cursor, name)? {
            Ok(tag) => Err(self.unexpected(&tag, &format!("{name}/"))),
            Err(_) => Ok(()),
        }
    }

    /// What may follow the data: additions, then a signature; neither is looked into.
    fn ending(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut stage = 0u8;
        while let Ok(tag) = self.between(cursor, "")? {
            stage = match (tag.ns, tag.local) {
                (Ns::Dxp, "AddInfo") if stage == 0 => 1,
                (Ns::Ds, "Signature") if stage < 2 => 2,
                _ => return Err(self.unexpected(&tag, "")),
            };
            cursor.skip().map_err(|error| self.broken(&error))?;
        }
        Ok(())
    }

    /// The next start tag, or the end of the parent.
    fn between<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        prefix: &str,
    ) -> Result<Result<Tag<'a>, usize>, Stop> {
        loop {
            match self.step(cursor)? {
                Token::Start(tag) => return Ok(Ok(tag)),
                Token::End(end) => return Ok(Err(end)),
                Token::Text(text, _) if is_blank(&text) => {}
                Token::Text(_, offset) => {
                    let field = prefix.trim_end_matches('/');
                    return Err(self.stop(field, Rule::TextUnexpected, offset, "", ""));
                }
                Token::Eof => return Err(Stop),
            }
        }
    }

    fn decoded(&mut self, data: &str, offset: usize) -> Result<Vec<u8>, Stop> {
        let mut digits = Vec::with_capacity(data.len());
        digits.extend(data.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let Ok(message) = STANDARD.decode(&digits) else {
            return Err(self.stop(DATA.name, Rule::DataInvalid, offset, "", ""));
        };
        if message.len() > MAX_BYTES {
            return Err(self.stop(
                DATA.name,
                Rule::TooLarge,
                offset,
                "",
                &MAX_BYTES.to_string(),
            ));
        }
        Ok(message)
    }
}
