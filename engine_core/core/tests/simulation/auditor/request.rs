//! Law 8: what every request was answered, for ever.

use std::collections::BTreeMap;

use whampoa_core::event::RequestMark;
use whampoa_core::ids::Id;

/// A request that made entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub sha256: [u8; 32],
    pub method: u16,
    pub first: u64,
    pub last: u64,
    /// Bytes of the first reply; unknown of a request whose reply nobody saw.
    pub reply: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    known: BTreeMap<Id, Known>,
}

/// A day back, five minutes ahead (DESIGN section 4.8).
pub fn is_in_window(id: Id, now_ms: u64) -> bool {
    let time_ms = id.0[..6]
        .iter()
        .fold(0, |time, byte| time << 8 | u64::from(*byte));
    now_ms <= time_ms + 86_400_000 && time_ms <= now_ms + 300_000
}

/// 16 bytes in UUIDv7 layout.
pub fn id(bytes: &[u8]) -> Option<Id> {
    let raw: [u8; 16] = bytes.try_into().ok()?;
    (raw[6] & 0xf0 == 0x70 && raw[8] & 0xc0 == 0x80).then_some(Id(raw))
}

impl Requests {
    pub fn get(&self, request_id: Id) -> Option<&Known> {
        self.known.get(&request_id)
    }

    /// An entry names its request; entries of one request stand together.
    pub fn mark(&mut self, index: u64, mark: &RequestMark) {
        match self.known.get_mut(&mark.request_id) {
            None => {
                let known = Known {
                    sha256: mark.sha256,
                    method: mark.method,
                    first: index,
                    last: index,
                    reply: None,
                };
                self.known.insert(mark.request_id, known);
            }
            Some(known) => {
                assert!(
                    known.last + 1 == index && known.sha256 == mark.sha256,
                    "law 8: request {} made entry {index} after {}..={}",
                    mark.request_id,
                    known.first,
                    known.last
                );
                known.last = index;
            }
        }
    }

    pub fn answered(&mut self, request_id: Id, reply: &[u8]) {
        if let Some(known) = self.known.get_mut(&request_id) {
            known.reply = Some(reply.to_vec());
        }
    }

    /// Replies of before, for the requests that are still known: the entries decide the reply, so it is the same.
    pub fn keep_replies_of(&mut self, before: &Self) {
        for (request_id, known) in &mut self.known {
            let told = before.known.get(request_id);
            known.reply = told.and_then(|known| known.reply.clone());
        }
    }
}
