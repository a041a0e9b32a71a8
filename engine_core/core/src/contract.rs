//! The generated types of `proto/`, as `contract::whampoa::<area>::v1`.
#![allow(clippy::all)]
include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// The descriptors of the whole contract, for the strict wire check.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
