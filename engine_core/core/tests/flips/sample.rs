//! One entry of every kind, as the catalog lays it out: all fields, all sections of rows, private parts of both sorts.

use whampoa_core::event::catalog::RowKind;
use whampoa_core::event::codec::{FIRST_PRIVATE_ROW_FIELD, FieldColumn};
use whampoa_core::event::codec::{KIND_BYTES, KIND_FIXED, KIND_LIST, KIND_TEXT};
use whampoa_core::event::{Kind, RequestMark, SCHEMA};
use whampoa_core::ids::Id;
use whampoa_core::journal::entry::{EntryDraft, Field, RowSection};

use whampoa_core::seeded::Random;

/// Rows of a section.
const ROWS: usize = 2;
/// Values of a list, so many that a stuffing byte stands among them.
const LIST_BYTES: usize = 260;
const LIST_RUN: usize = 256;
const STUFFING: u8 = 0xa5;
const SUBJECT: [u8; 16] = [8; 16];

/// An entry of a kind, with values that the kind allows.
pub fn entry(kind: &Kind, request: u64, random: &mut Random) -> EntryDraft {
    let mut fields = mark(request);
    for column in kind.fields {
        match column.id {
            FIRST_PRIVATE_ROW_FIELD => {
                fields.extend((0..ROWS as u16).map(|row| private(column.id + row)));
            }
            _ => fields.push(field(column, random)),
        }
    }
    let sections = kind.sections.iter().map(|(_, row)| rows(*row, random));
    EntryDraft {
        event_type: kind.kind,
        schema: SCHEMA,
        actor: 3,
        time_ms: 1_795_608_000_000 + request,
        case_id: [5; 16],
        prev_of_case: (1 << 48) - 1,
        flags: 0,
        fields,
        row_sections: sections.collect(),
    }
}

fn mark(request: u64) -> Vec<Field> {
    let mark = RequestMark {
        request_id: Id::derive(1_795_608_000_000, "flips", &[&request.to_be_bytes()]),
        sha256: [request as u8 | 1; 32],
        method: 7,
    };
    let mut writer = whampoa_core::event::codec::Writer::default();
    mark.write(&mut writer);
    let fields = writer.fields.into_iter();
    fields
        .map(|field| Field {
            id: field.id,
            kind: field.kind,
            value: field.value,
            subject: None,
        })
        .collect()
}

fn private(id: u16) -> Field {
    Field {
        id,
        kind: KIND_BYTES,
        value: format!("what field {id} keeps apart").into_bytes(),
        subject: Some(SUBJECT),
    }
}

fn field(column: &FieldColumn, random: &mut Random) -> Field {
    let told = (column.describe)();
    let public = |kind: u8, value: Vec<u8>| Field {
        id: column.id,
        kind,
        value,
        subject: None,
    };
    if told == "private" {
        private(column.id)
    } else if told == "text" {
        public(KIND_TEXT, format!("text of {}", column.name).into_bytes())
    } else if let Some(list) = told.strip_prefix("list of ") {
        public(KIND_LIST, packed(list, random))
    } else {
        let (width, shape) = split(&told);
        public(KIND_FIXED, value(shape, width, random))
    }
}

/// "4: u32" is the width and the shape of a value.
fn split(told: &str) -> (usize, &str) {
    let (width, shape) = told.split_once(": ").expect("a width and a shape");
    (width.parse().expect("a width"), shape)
}

fn packed(told: &str, random: &mut Random) -> Vec<u8> {
    let (width, shape) = split(told);
    let mut values = Vec::new();
    while values.len() < LIST_BYTES {
        values.extend(value(shape, width, random));
    }
    let mut out = (width as u16).to_be_bytes().to_vec();
    for run in values.chunks(LIST_RUN) {
        out.extend_from_slice(run);
        if run.len() == LIST_RUN {
            out.push(STUFFING);
        }
    }
    out
}

fn rows(kind: u16, random: &mut Random) -> RowSection {
    let row = RowKind::find(kind).expect("a row kind of the catalog");
    let mut rows = Vec::new();
    for _ in 0..ROWS {
        for column in row.columns {
            rows.extend(value(&(column.describe)(), column.width, random));
        }
    }
    RowSection {
        kind,
        width: row.width as u16,
        rows,
    }
}

/// A value of a shape, as docs/formats.md words it.
fn value(shape: &str, width: usize, random: &mut Random) -> Vec<u8> {
    let parts: Vec<&str> = shape.split(", ").collect();
    // "1 Name, 2 Name": one of these codes.
    let code = |part: &str| part.split_once(' ')?.0.parse::<u8>().ok();
    if shape == "0 or 1" {
        return vec![1];
    }
    if let Some(first) = code(parts[0]) {
        return vec![first];
    }
    let known: usize = parts.iter().filter_map(|part| width_of(part)).sum();
    let mut out = Vec::with_capacity(width);
    for part in parts {
        let width = width_of(part).unwrap_or(width - known);
        match part {
            "currency" => out.extend(840_u16.to_be_bytes()),
            "text" => out.extend((0..width).map(|_| b'a' + random.below(26) as u8)),
            _ => out.extend((0..width).map(|_| random.next() as u8)),
        }
    }
    out
}

/// `None` where the width is what the others leave.
fn width_of(part: &str) -> Option<usize> {
    match part {
        "u8" => Some(1),
        "u16" | "currency" => Some(2),
        "u32" | "i32" => Some(4),
        "u64" | "i64" | "step" => Some(8),
        "id" | "digest" => Some(16),
        _ => None,
    }
}
