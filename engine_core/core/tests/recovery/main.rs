//! Recovery: what a start reads, what it makes of it, and how long that takes.

mod ground;
mod snapshot;
mod tail;

use std::time::Instant;

use ground::{Fill, Folder, fill};
use whampoa_core::pipeline::{Options, recovery};

/// Rows of the timed start; `WHAMPOA_RECOVERY_ROWS` sets another number.
fn rows() -> u64 {
    let named = std::env::var("WHAMPOA_RECOVERY_ROWS").ok();
    named.and_then(|rows| rows.parse().ok()).unwrap_or(100_000)
}

#[test]
fn a_start_replays_every_row() {
    let folder = Folder::new("recovery");
    let start = Instant::now();
    let transfers = Fill {
        rows: rows(),
        rows_of_message: 8_192,
        segment_bytes: 64 << 20,
        seed: 0,
    };
    fill(&folder.0, transfers);
    println!("filled in {:.3} s", start.elapsed().as_secs_f64());
    for _ in 0..2 {
        let start = Instant::now();
        let place = recovery::place(&folder.0).unwrap();
        let opened = recovery::open(place, None, &Options::default(), false).unwrap();
        println!(
            "{} in {:.3} s",
            opened.report,
            start.elapsed().as_secs_f64()
        );
        assert_eq!(opened.state.rows, rows() + u64::from(ground::ACCOUNTS));
    }
}
