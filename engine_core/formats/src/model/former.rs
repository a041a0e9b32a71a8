//! Where the 2018 schema allowed more, or asked for less, than the 202205 one: such a message is refused for its age.

/// Message, field, greatest length in 2018.
const LENGTHS: &[(u16, &str, usize)] = &[
    (303, "ebpCode", 50),
    (304, "ebpCode", 50),
    (403, "ebpCode", 50),
    (603, "ebpCode", 50),
    (604, "ebpCode", 50),
    (505, "logisticsNo", 80),
    (506, "logisticsNo", 80),
    (507, "logisticsNo", 80),
    (509, "logisticsNo", 80),
    (603, "logisticsNo", 80),
    (607, "logisticsNo", 80),
    (792, "logisticsNo", 80),
    (603, "totalPackageNo", 60),
];

/// Messages and fields that came with 202205.
const SINCE: &[(u16, &str)] = &[(792, "gseqno")];

/// Whether the 2018 schema took a text of this length.
#[must_use]
pub fn fitted(number: u16, field: &str, length: usize) -> bool {
    LENGTHS
        .iter()
        .any(|(message, name, most)| *message == number && *name == field && length <= *most)
}

/// Whether the 2018 schema did not know the field.
#[must_use]
pub fn lacked(number: u16, field: &str) -> bool {
    SINCE.contains(&(number, field))
}

/// Whether only the 202205 schema knows the message, or knows it in this shape.
#[must_use]
pub fn newer(number: u16) -> bool {
    matches!(number, 213..=216 | 792)
}
