//! Entries of the journal: a view that adds up to the last byte, and an event that is written as it was read.

use std::collections::BTreeMap;

use whampoa_core::event::codec::Writer;
use whampoa_core::event::{Event, RequestMark};
use whampoa_core::journal::view::EntryView;
use whampoa_core::pipeline::seal::read_entry;

use crate::ground::ground;

/// An entry is read or refused; what is read says the same when it is written and read again.
pub fn run(input: &[u8]) {
    let Ok(view) = EntryView::parse(input) else {
        return;
    };
    let leaves = view.leaves().len() as u64;
    assert_eq!(leaves, view.fields().len() as u64 + view.row_count());
    for row in 0..=u16::MAX {
        let is_there = view.row_at(row).is_some();
        assert_eq!(is_there, u64::from(row) < view.row_count(), "row {row}");
        if !is_there {
            break;
        }
    }
    let records: usize = view.fields().iter().map(|field| field.record.len()).sum();
    assert!(records < input.len());
    let _ = (view.computed_root(), view.link(), view.prev_of_case());
    let Ok((at, event)) = read_entry(&view) else {
        return;
    };
    let mut writer = Writer::default();
    if let Some(mark) = &at.request {
        mark.write(&mut writer);
    }
    event.write(&mut writer);
    let mark = RequestMark::read(&writer, event.kind()).expect("it was written");
    assert_eq!(mark, at.request);
    let again = Event::read(event.kind(), &writer).expect("it was written");
    // A private part leaves nothing in a writer but its place in a row's list.
    let mut twice = Writer::default();
    again.write(&mut twice);
    let mark_fields = writer.fields.len() - twice.fields.len();
    assert_eq!(writer.fields[mark_fields..], twice.fields[..]);
    assert_eq!(writer.sections, twice.sections);
}

/// The smallest entry of each kind of the ground.
pub fn smallest() -> impl Iterator<Item = &'static [u8]> {
    let mut smallest = BTreeMap::<u8, &[u8]>::new();
    for made in &ground().made {
        let bytes = &made.sealed.bytes[..];
        let known = smallest.entry(made.event.kind()).or_insert(bytes);
        if bytes.len() < known.len() {
            *known = bytes;
        }
    }
    smallest.into_values()
}

/// One entry of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    smallest().map(<[u8]>::to_vec).collect()
}
