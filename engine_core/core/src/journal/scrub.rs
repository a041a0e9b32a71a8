//! Checks frames that a start did not read, while the journal is in use.

use super::frame::{self, Found};
use super::view::EntryView;
use super::{Fault, FramePlace, Journal, segment};
use crate::evidence::hash::Hash;

impl Journal {
    /// The link of the last entry of a frame that is as it was written and goes on from the link `before`.
    pub fn check_frame(&self, place: &FramePlace, before: Hash) -> Result<Hash, Fault> {
        let file = segment::name(place.segment);
        let rotten = |what: String| Fault::Rotten {
            file: file.clone(),
            offset: place.offset,
            what,
        };
        let storage = &self.shared.storage;
        let bytes = storage
            .read_at(&file, place.offset, place.padded as usize)
            .map_err(|fault| rotten(fault.to_string()))?;
        let found = frame::read(&bytes).map_err(|fault| rotten(fault.to_string()))?;
        let Found::Whole { head, payload, .. } = found else {
            return Err(rotten("the frame is gone".into()));
        };
        if head.first_index != place.first_index || head.entries != place.entries {
            return Err(rotten("another frame stands here".into()));
        }
        let (mut index, mut link) = (place.first_index, before);
        let entries = frame::entries(&head, payload).map_err(|fault| rotten(fault.to_string()))?;
        for (start, length) in entries {
            let view = EntryView::parse(&payload[start..start + length])
                .map_err(|fault| rotten(fault.to_string()))?;
            if view.index() != index || view.prev_link() != link {
                return Err(rotten(format!("entry {index} does not continue the chain")));
            }
            (index, link) = (index + 1, view.link());
        }
        Ok(link)
    }
}
