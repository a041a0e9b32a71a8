//! The terminal envelope (DxpMsg) in which declarants send CEB messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{DATA, ENVELOPE_VERSION, FieldSpec, MAX_RECEIVERS, RECEIVER, TRANS_INFO};
use crate::write::{Refused, Writer, check};
use crate::xml::{DXP_NS, Ns, Tag};

/// Who sends a message to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    pub cop_msg_id: String,
    pub sender_id: String,
    pub receiver_ids: Vec<String>,
    pub create_time: String,
    pub msg_type: String,
}

/// Whether a root tag is the envelope's.
#[must_use]
pub fn is_envelope(root: &Tag<'_>) -> bool {
    root.ns == Ns::Dxp && root.local == "DxpMsg"
}

/// An envelope around a message.
///
/// # Errors
/// When a text of the envelope is not what the platform's schema asks for.
pub fn wrap(message: &[u8], envelope: &Envelope) -> Result<Vec<u8>, Refused> {
    let [cop_msg_id, sender_id, create_time, msg_type] = &TRANS_INFO;
    let count = envelope.receiver_ids.len();
    if !(1..=MAX_RECEIVERS).contains(&count) {
        return Err(Refused::new(
            "ReceiverIds",
            format!("{count} receivers, but 1 to {MAX_RECEIVERS} are allowed"),
        ));
    }
    let mut writer = Writer::new(message.len() * 4 / 3 + 1024);
    writer.raw(&format!(
        "<DxpMsg xmlns=\"{DXP_NS}\" ver=\"{ENVELOPE_VERSION}\"><TransInfo>"
    ));
    let put = |writer: &mut Writer, spec: &FieldSpec, text: &str| {
        check(spec, text, spec.name)?;
        writer.leaf(spec.name, text);
        Ok::<(), Refused>(())
    };
    put(&mut writer, cop_msg_id, &envelope.cop_msg_id)?;
    put(&mut writer, sender_id, &envelope.sender_id)?;
    writer.raw("<ReceiverIds>");
    for receiver in &envelope.receiver_ids {
        put(&mut writer, &RECEIVER, receiver)?;
    }
    writer.raw("</ReceiverIds>");
    put(&mut writer, create_time, &envelope.create_time)?;
    put(&mut writer, msg_type, &envelope.msg_type)?;
    writer.raw("</TransInfo>");
    writer.leaf(DATA.name, &STANDARD.encode(message));
    writer.raw("</DxpMsg>");
    Ok(writer.finish())
}
