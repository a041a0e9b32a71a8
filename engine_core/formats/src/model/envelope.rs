//! What follows the payload in an upstream message, and what goes around it.

use super::Kind::{Any, Base64, DateTime, Exact, Text};
use super::{FieldSpec, o, r};

/// The transmitting company.
pub const TRANSFER: &[FieldSpec] = &[
    r("copCode", Text(0, 18)),
    r("copName", Text(0, 100)),
    r("dxpMode", Exact(3)),
    r("dxpId", Text(0, 30)),
    o("note", Text(0, 1000)),
];

/// A third party that gets a copy.
pub const SUBSCRIBE: &[FieldSpec] = &[
    r("status", Text(0, 100)),
    r("dxpMode", Exact(3)),
    r("dxpAddress", Text(0, 100)),
    o("note", Text(0, 1000)),
];

/// The free extension at the end.
pub const EXTEND: &[FieldSpec] = &[
    r("name", Text(0, 30)),
    r("version", Text(0, 30)),
    r("Message", Any),
];

/// Head of the terminal envelope (DxpMsg); its receivers stand between sender and time.
pub const TRANS_INFO: [FieldSpec; 4] = [
    r("CopMsgId", Text(1, 255)),
    r("SenderId", Text(1, 16)),
    r("CreatTime", DateTime),
    r("MsgType", Text(0, 30)),
];
/// One receiver of the envelope.
pub const RECEIVER: FieldSpec = r("ReceiverId", Text(1, 16));
/// Receivers that an envelope may name.
pub const MAX_RECEIVERS: usize = 5;
/// The CEB message inside.
pub const DATA: FieldSpec = r("Data", Base64);
/// The one version of the envelope.
pub const ENVELOPE_VERSION: &str = "1.0";
