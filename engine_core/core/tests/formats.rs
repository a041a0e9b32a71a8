//! docs/formats.md tells every entry kind and row kind as the code lays them out. `WHAMPOA_WRITE_DOCS=1` rewrites it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use whampoa_core::event::catalog::{ROWS, RowKind};
use whampoa_core::event::{KINDS, Kind};

const BEGIN: &str =
    "<!-- Written by engine_core/core/tests/formats.rs; WHAMPOA_WRITE_DOCS=1 rewrites it. -->\n";
const END: &str = "<!-- End of the written part. -->\n";

/// The texts of doc attributes, `doc = r" text"`, which may be broken over lines.
fn meaning(attributes: &str) -> String {
    let texts = attributes.split('\0').filter_map(|attribute| {
        let (_, text) = attribute.strip_prefix("doc")?.split_once('"')?;
        Some(text.rsplit_once('"')?.0.trim())
    });
    let text = texts.collect::<Vec<_>>().join(" ").replace('|', "\\|");
    text.replace("\\'", "'")
}

fn entry(out: &mut String, kind: &Kind) {
    let _ = write!(out, "\n**{} {}.**", kind.kind, kind.name);
    let told = meaning(kind.meaning);
    let _ = writeln!(out, "{}{told}", if told.is_empty() { "" } else { " " });
    let rows: Vec<String> = kind
        .sections
        .iter()
        .map(|(name, row)| format!("{name} (row kind {row})"))
        .collect();
    if !rows.is_empty() {
        let _ = writeln!(out, "\nSections of rows: {}.", rows.join(", "));
    }
    if !kind.fields.is_empty() {
        let _ = writeln!(out, "\n| id | field | value | means |\n|---|---|---|---|");
    }
    for field in kind.fields {
        let id = match field.id {
            0x1000 => "0x1000 + n".to_owned(),
            id => id.to_string(),
        };
        let means = match field.id {
            0x1000 => "the private part of row n of the first section".to_owned(),
            _ => meaning(field.meaning),
        };
        let _ = writeln!(
            out,
            "| {id} | {} | {} | {means} |",
            field.name,
            (field.describe)()
        );
    }
}

fn row(out: &mut String, kind: &RowKind) {
    let _ = writeln!(
        out,
        "\n**{} {}**, {} bytes, {} with the salt. {}\n",
        kind.kind,
        kind.name,
        kind.width,
        kind.width + 16,
        meaning(kind.meaning)
    );
    let _ = writeln!(
        out,
        "| offset | length | column | value | means |\n|---|---|---|---|---|"
    );
    let mut offset = 0;
    for column in kind.columns {
        let _ = writeln!(
            out,
            "| {offset} | {} | {} | {} | {} |",
            column.width,
            column.name,
            (column.describe)(),
            meaning(column.meaning)
        );
        offset += column.width;
    }
}

fn tables() -> String {
    let mut out = String::from("\n### Entry kinds\n");
    let mut kinds: Vec<&Kind> = KINDS.iter().collect();
    kinds.sort_by_key(|kind| kind.kind);
    kinds.into_iter().for_each(|kind| entry(&mut out, kind));
    out.push_str("\n### Row kinds\n");
    ROWS.iter().for_each(|kind| row(&mut out, kind));
    out.push('\n');
    out
}

#[test]
fn the_document_tells_what_the_code_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = fs::read_to_string(&path).expect("docs/formats.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin mark");
    let (told, after) = rest.split_once(END).expect("the end mark");
    let tables = tables();
    if std::env::var_os("WHAMPOA_WRITE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, &tables, END, after].concat()).expect("docs/formats.md");
        return;
    }
    let differs = told
        .lines()
        .zip(tables.lines())
        .find(|(told, written)| told != written);
    assert_eq!(
        differs, None,
        "docs/formats.md differs: run with WHAMPOA_WRITE_DOCS=1"
    );
    assert_eq!(
        told.len(),
        tables.len(),
        "docs/formats.md differs: run with WHAMPOA_WRITE_DOCS=1"
    );
}

#[test]
fn every_section_names_a_row_kind_once() {
    for kind in KINDS {
        let mut rows: Vec<u16> = kind.sections.iter().map(|(_, row)| *row).collect();
        assert!(
            rows.iter().all(|row| RowKind::find(*row).is_some()),
            "{}",
            kind.name
        );
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), kind.sections.len(), "{}", kind.name);
        assert!(
            kind.fields.windows(2).all(|pair| pair[0].id < pair[1].id),
            "{}",
            kind.name
        );
    }
}
