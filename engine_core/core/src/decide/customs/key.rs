//! Business keys of documents as digests under the key of the log.

use super::field;
use crate::ids::{KeyDigest, LogKey};
use crate::rejection::Refusal;

/// The keys by which an order is found.
pub struct OrderKey<'a> {
    /// Trade key: platform code and order number, or platform name and order number where there is no code.
    pub key: KeyDigest,
    /// Only where the platform has no code: order number and consignor code. It joins documents that spell the
    /// platform's name differently, so that they become one disputed trade instead of two.
    pub nameless: Option<KeyDigest>,
    pub order_no: &'a str,
    /// Code of the platform, or its normalised name.
    pub platform: String,
}

/// "无" stands for a foreign platform without a code.
pub fn is_nameless(ebp_code: &str) -> bool {
    matches!(ebp_code.trim(), "" | "无" | "無")
}

/// A platform's name without what spelling differs in: letter case, spaces, full-width letters.
pub fn normalised(name: &str) -> String {
    let narrow = |letter: char| match letter as u32 {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(letter),
        _ => letter,
    };
    name.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '\u{3000}')
        .map(narrow)
        .collect::<String>()
        .to_lowercase()
}

impl<'a> OrderKey<'a> {
    /// `ebp_name` may be empty only where `name_is_optional` (replies); the nameless key then has to do.
    pub fn new(
        log_key: &LogKey,
        (ebp_code, ebp_name): (&str, &str),
        order_no: &'a str,
        ebc_code: &str,
        name_is_optional: bool,
    ) -> Result<Self, Refusal> {
        let order_no = field::key(order_no, "order_no", 60)?;
        if !is_nameless(ebp_code) {
            let platform = field::key(ebp_code, "ebp_code", 18)?;
            let key = log_key.digest("order", &[platform, order_no]);
            return Ok(Self {
                key,
                nameless: None,
                order_no,
                platform: platform.to_owned(),
            });
        }
        let platform = normalised(ebp_name);
        if !name_is_optional {
            field::key(&platform, "ebp_name", 100)?;
        }
        Ok(Self {
            key: log_key.digest("order-by-name", &[&platform, order_no]),
            nameless: Some(log_key.digest("order-nameless", &[order_no, ebc_code.trim()])),
            order_no,
            platform,
        })
    }
}

pub fn list(log_key: &LogKey, order: &OrderKey<'_>, ebc_code: &str) -> KeyDigest {
    log_key.digest("list", &[&order.platform, order.order_no, ebc_code])
}

/// A list by the number its declarant gave it.
pub fn list_by_cop(log_key: &LogKey, agent_code: &str, cop_no: &str) -> KeyDigest {
    log_key.digest("list-cop", &[agent_code.trim(), cop_no.trim()])
}

/// A list by the number customs gave it.
pub fn list_by_invt(log_key: &LogKey, invt_no: &str) -> KeyDigest {
    log_key.digest("list-invt", &[invt_no.trim()])
}

pub fn waybill(log_key: &LogKey, logistics_code: &str, logistics_no: &str) -> KeyDigest {
    log_key.digest("waybill", &[logistics_code.trim(), logistics_no.trim()])
}

pub fn departure(log_key: &LogKey, logistics_code: &str, cop_no: &str, sequence: u32) -> KeyDigest {
    log_key.digest(
        "departure",
        &[logistics_code.trim(), cop_no.trim(), &sequence.to_string()],
    )
}

/// A message that is correlated by two codes and a sequence number.
pub fn message(log_key: &LogKey, kind: &str, one: &str, two: &str, sequence: u32) -> KeyDigest {
    log_key.digest(kind, &[one.trim(), two.trim(), &sequence.to_string()])
}

#[cfg(test)]
mod tests {
    use super::{is_nameless, normalised};

    #[test]
    fn spellings_of_a_platform_are_one_name() {
        for spelling in [
            "Amazon.com",
            " amazon.COM",
            "Ａｍａｚｏｎ．com",
            "Ama zon.com",
        ] {
            assert_eq!(normalised(spelling), "amazon.com", "{spelling}");
        }
        assert!(is_nameless("无") && is_nameless(" ") && !is_nameless("1105910159"));
    }
}
