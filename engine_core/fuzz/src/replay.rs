//! Entries of a forged journal, whose sums all fit: `verify` says what is wrong with one, whatever it speaks of.

use whampoa_core::journal::view::EntryView;
use whampoa_core::laws;
use whampoa_core::pipeline::audit::Replay;

use crate::entry;
use crate::ground::ground;

/// Bytes 8 to 15 of an entry are its index.
const INDEX: std::ops::Range<usize> = 8..16;

/// Number of the entry of the ground whose place it takes 2 ‖ the entry.
pub fn run(input: &[u8]) {
    let Some((number, entry)) = input.split_first_chunk::<2>() else {
        return;
    };
    let made = &ground().made;
    let number = usize::from(u16::from_be_bytes(*number)) % made.len();
    let mut entry = entry.to_vec();
    let Some(index) = entry.get_mut(INDEX) else {
        return;
    };
    index.copy_from_slice(&(number as u64).to_be_bytes());
    let Ok(view) = EntryView::parse(&entry) else {
        return;
    };
    let mut replay = Replay::default();
    for before in &made[..number] {
        replay
            .state
            .evolve(&before.at, &before.event, before.sealed.rows);
    }
    if replay.take(&view).is_ok() {
        drop((laws::check(&replay.state), replay.state.hash()));
    }
}

/// Entries of the ground in their own places.
pub fn seeds() -> Vec<Vec<u8>> {
    entry::smallest()
        .map(|bytes| [&bytes[14..16], bytes].concat())
        .collect()
}
