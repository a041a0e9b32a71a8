//! The state machine, the journal and the evidence of Whampoa: pure Rust, no I/O outside `journal`, `private` and `backup`.
//!
//! One request walks `wire` → `decide` → `event` → `state` → `journal` → `reply`; replay is `state` alone.

pub mod backup;
pub mod contract;
pub mod decide;
pub mod event;
pub mod evidence;
pub mod feed;
pub mod ids;
pub mod journal;
pub mod laws;
pub mod money;
pub mod pipeline;
pub mod private;
pub mod projection;
pub mod rejection;
pub mod reply;
pub mod seeded;
pub mod share;
pub mod state;
pub mod wire;
