//! Generated message types.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/whampoa.customs.v1.rs"));
