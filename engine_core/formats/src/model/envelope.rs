//! What follows the payload in an upstream message.

use super::Kind::{Any, Exact, Text};
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
