//! Backups of a journal in memory: copied while it grows, cut, damaged, interrupted and brought back, from one seed.
//! `WHAMPOA_SEED=n` repeats a run, `WHAMPOA_SEEDS=n` runs more of them.

mod copying;
mod damage;
mod interruption;
mod place;
mod restoring;
mod source;

use whampoa_core::seeded::Random;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs with every seed: the first few, as many as `WHAMPOA_SEEDS` says, or the one asked for. The output of a failing test
/// names it.
fn each_seed(run: impl Fn(&mut Random)) {
    let seeds = match number("WHAMPOA_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("WHAMPOA_SEEDS").unwrap_or(2),
    };
    for seed in seeds {
        println!("WHAMPOA_SEED={seed}");
        run(&mut Random::new(seed));
    }
}
