//! Recovery: what a start reads, what it makes of it, and how long that takes.

mod ground;
mod tail;

use std::time::Instant;

use ground::{Folder, fill, options};
use whampoa_core::pipeline::recovery;

/// Rows of the timed start; `WHAMPOA_RECOVERY_ROWS` sets another number.
fn rows() -> u64 {
    let named = std::env::var("WHAMPOA_RECOVERY_ROWS").ok();
    named.and_then(|rows| rows.parse().ok()).unwrap_or(100_000)
}

#[test]
fn a_start_replays_every_row() {
    let folder = Folder::new("recovery");
    let start = Instant::now();
    fill(&folder.0, rows());
    println!("filled in {:.3} s", start.elapsed().as_secs_f64());
    for _ in 0..2 {
        let start = Instant::now();
        let place = recovery::place(&folder.0).unwrap();
        let opened = recovery::open(place, &options(), false).unwrap();
        println!(
            "{} in {:.3} s",
            opened.report,
            start.elapsed().as_secs_f64()
        );
        assert_eq!(opened.state.rows, rows() + u64::from(ground::ACCOUNTS));
    }
}
