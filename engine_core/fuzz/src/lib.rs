//! Fuzz targets of every decoder in Rust: plain functions over bytes that panic when a promise is broken.
//!
//! `tests/corpus.rs` runs them over the kept corpora and a seeded mutator, `libfuzzer/` under libFuzzer.

mod ceb;
mod columns;
mod entry;
mod ground;
mod journal;
mod manifest;
pub mod mutate;
mod private;
mod proof;
mod protobuf;
mod replay;
mod request;
mod snapshot;

use mutate::Mutate;

/// One decoder under fuzz.
pub struct Target {
    /// Also the folder of its corpus.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Changes that keep the input readable; beside them bytes are changed at random.
    pub mutate: Option<Mutate>,
    /// The decoder catches panics of its own: a fuzzer must not stop at them.
    pub catches_panics: bool,
    /// Inputs that are made, not kept.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every decoder.
pub const TARGETS: &[Target] = &[
    Target {
        name: "strict",
        run: request::strict,
        mutate: Some(protobuf::mutate_request),
        catches_panics: false,
        seeds: request::seeds,
    },
    Target {
        name: "request",
        run: request::decided,
        mutate: Some(protobuf::mutate_request),
        catches_panics: false,
        seeds: request::seeds,
    },
    Target {
        name: "columns",
        run: columns::run,
        mutate: None,
        catches_panics: false,
        seeds: columns::seeds,
    },
    Target {
        name: "entry",
        run: entry::run,
        mutate: None,
        catches_panics: false,
        seeds: entry::seeds,
    },
    Target {
        name: "replay",
        run: replay::run,
        mutate: None,
        catches_panics: true,
        seeds: replay::seeds,
    },
    Target {
        name: "journal",
        run: journal::run,
        mutate: None,
        catches_panics: false,
        seeds: journal::seeds,
    },
    Target {
        name: "manifest",
        run: manifest::run,
        mutate: None,
        catches_panics: false,
        seeds: manifest::seeds,
    },
    Target {
        name: "private",
        run: private::run,
        mutate: None,
        catches_panics: false,
        seeds: private::seeds,
    },
    Target {
        name: "snapshot",
        run: snapshot::run,
        mutate: None,
        catches_panics: false,
        seeds: snapshot::seeds,
    },
    Target {
        name: "proof",
        run: proof::run,
        mutate: None,
        catches_panics: false,
        seeds: proof::seeds,
    },
    Target {
        name: "ceb",
        run: ceb::run,
        mutate: None,
        catches_panics: false,
        seeds: Vec::new,
    },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
