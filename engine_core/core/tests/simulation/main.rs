//! A seeded workload of valid and invalid requests against the state machine: after every one the laws hold, a replica
//! that reads the sealed bytes has the same state, and requests that come again get the same reply.

mod auditor;
mod checks;
mod customs;
mod ledger;
mod machine;
mod money;
mod odd;
mod random;
#[path = "../reference/mod.rs"]
mod reference;
mod sharing;
mod snapshots;
mod taxes;
mod world;

use random::Random;
use world::World;

/// Requests of one run; `WHAMPOA_WORKLOAD` sets another number for a long one, `WHAMPOA_SEED` another seed.
const REQUESTS: usize = 2_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64, requests: usize) -> World {
    println!("WHAMPOA_SEED={seed} requests {requests}");
    let mut world = World::new(Random(seed));
    for at in 0..requests {
        world.step();
        if at % 50 == 0 {
            checks::check_replica(&world.machine);
            checks::check_deep(&world.machine.state);
        }
    }
    checks::check_replica(&world.machine);
    checks::check_deep(&world.machine.state);
    checks::check_chains(&world.machine);
    checks::check_audit(&mut world.machine);
    world.machine.auditor.print();
    world
}

#[test]
fn laws_hold_and_replay_gives_the_same_state() {
    let requests = number("WHAMPOA_WORKLOAD").map_or(REQUESTS, |count| count as usize);
    let seeds: Vec<u64> = match number("WHAMPOA_SEED") {
        Some(seed) => vec![seed],
        None => vec![1, 2, 3, 4, 5],
    };
    let mut reached = std::collections::BTreeSet::new();
    for seed in &seeds {
        reached.extend(run(*seed, requests).reached);
    }
    if seeds.len() > 1 && requests >= REQUESTS {
        checks::check_reached(&reached);
    }
}
