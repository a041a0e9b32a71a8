//! Reads the feed: entries from an index on, rendered for a gateway.

use prost::Message;

use super::Core;
use super::follower::Opener;
use super::seal::read_entry;
use crate::contract::whampoa::feed::v1::{FeedKind, FollowResponse};
use crate::contract::whampoa::money::v1::Position;
use crate::feed;
use crate::journal::Fault;
use crate::journal::view::EntryView;
use crate::projection::Private;

/// Entries of one response: past this size the next response goes on, so that it always fits the wire.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// Keeps every private part closed, for identities without the right to see them.
struct Closed;

impl Private for Closed {
    fn open(&self, _index: u64, _field: u16) -> Option<Vec<u8>> {
        None
    }
}

impl Core {
    /// At most `entries_max` entries considered from `from` on; bytes of a `FollowResponse`.
    pub fn read_feed(
        &self,
        from: u64,
        kinds: &[i32],
        entries_max: u64,
        open_private: bool,
    ) -> Result<Vec<u8>, Fault> {
        let kinds: Vec<FeedKind> = kinds
            .iter()
            .filter_map(|kind| FeedKind::try_from(*kind).ok())
            .collect();
        let follower = self.follow()?;
        let head = follower.state.next_index;
        let until = head.min(from.saturating_add(entries_max));
        let mut response = FollowResponse {
            entries: Vec::new(),
            next_index: from.max(until),
            head_index: head,
        };
        let opener = Opener(self.private());
        let private: &dyn Private = if open_private { &opener } else { &Closed };
        let mut size = 0;
        if from < until {
            self.journal()
                .scan_range(from, until, &mut |index, bytes| {
                    if size > RESPONSE_BYTES_MAX {
                        response.next_index = response.next_index.min(index);
                        return Ok(());
                    }
                    let view = EntryView::parse(bytes)?;
                    let (at, event) = read_entry(&view)
                        .map_err(|fault| Fault::from(std::io::Error::other(fault)))?;
                    for kind in &kinds {
                        if let Some(mut entry) =
                            feed::render(&follower.state, &at, &event, *kind, private)
                        {
                            entry.position = Some(Position {
                                log: self.log.clone(),
                                index,
                                row: 0,
                            });
                            size += entry.encoded_len();
                            response.entries.push(entry);
                        }
                    }
                    Ok(())
                })?;
        }
        Ok(response.encode_to_vec())
    }
}
