//! From what was decided to bytes that are hashed and kept, and back.

use crate::event::codec::{CodecFault, Source, Writer};
use crate::event::{At, Draft, Event, RequestMark, SCHEMA};
use crate::ids::Id;
use crate::journal::entry::{EntryDraft, FLAG_CONTINUES, Field, RowSection};
use crate::journal::view::EntryView;

/// What the journal seals.
pub fn entry_draft(
    draft: &Draft,
    actor: u32,
    time_ms: u64,
    mark: Option<&RequestMark>,
) -> EntryDraft {
    let mut writer = Writer::default();
    if let Some(mark) = mark {
        mark.write(&mut writer);
    }
    draft.event.write(&mut writer);
    EntryDraft {
        event_type: draft.event.kind(),
        schema: SCHEMA,
        actor,
        time_ms,
        case_id: draft.case_id.0,
        prev_of_case: draft.previous_index,
        flags: if draft.continues { FLAG_CONTINUES } else { 0 },
        fields: writer
            .fields
            .into_iter()
            .map(|field| Field {
                id: field.id,
                kind: field.kind,
                value: field.value,
                subject: field.secret_of.map(|subject| subject.0),
            })
            .collect(),
        row_sections: writer
            .sections
            .into_iter()
            .map(|section| RowSection {
                kind: section.kind,
                width: section.width,
                rows: section.rows,
            })
            .collect(),
    }
}

/// An entry of the journal as a source of fields and rows.
pub struct EntrySource<'a>(pub &'a EntryView<'a>);

impl Source for EntrySource<'_> {
    fn field(&self, id: u16) -> Option<&[u8]> {
        self.0.field(id)
    }

    fn secrets_from(&self, first: u16) -> usize {
        self.0.private_fields_from(first)
    }

    fn rows(&self, kind: u16) -> Option<(&[u8], usize, usize)> {
        self.0.rows(kind)
    }
}

/// What happened, and where, from the bytes of an entry.
pub fn read_entry(view: &EntryView<'_>) -> Result<(At, Event), CodecFault> {
    let kind = view.event_type();
    let source = EntrySource(view);
    let at = At {
        index: view.index(),
        time_ms: view.time_ms(),
        actor: view.actor(),
        case_id: Id(view.case_id()),
        request: RequestMark::read(&source, kind)?,
        continues: view.flags() & FLAG_CONTINUES != 0,
    };
    Ok((at, Event::read(kind, &source)?))
}
