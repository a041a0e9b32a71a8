//! Plans of runs: which seed, which steps; all of them on every core of the machine.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use whampoa_core::evidence::hash::Hash;

use crate::checks;
use crate::end;
use crate::tally::Tally;
use crate::world::World;

/// One run; leaving steps out does not change the others.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub steps: Vec<u32>,
}

pub struct Report {
    pub root: Hash,
    pub tally: Tally,
    pub reached: BTreeSet<String>,
    pub unjudged: BTreeSet<String>,
}

pub struct Failure {
    pub plan: Plan,
    pub text: String,
}

pub struct Outcome {
    pub tally: Tally,
    pub reached: BTreeSet<String>,
    /// Decisions for which the auditor has no rules.
    pub unjudged: BTreeSet<String>,
    pub failure: Option<Failure>,
}

/// Steps of one world: enough for money to come full circle, few enough that laws over the whole state cost little.
const STEPS: u32 = 400;
/// More than a million operations.
const SEEDS: u64 = 2_200;
/// How often progress is told.
const SEEDS_A_LINE: u64 = 500;

pub struct Settings {
    first: u64,
    count: u64,
    steps: Vec<u32>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

impl Settings {
    pub fn read() -> Self {
        let first = number("WHAMPOA_SEED");
        let count = number("WHAMPOA_SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
        let steps = std::env::var("WHAMPOA_STEPS").unwrap_or_default();
        let steps = match steps.parse() {
            Ok(count) => (0..count).collect(),
            Err(_) if steps.is_empty() => (0..STEPS).collect(),
            Err(_) => ranges(&steps),
        };
        Self {
            first: first.unwrap_or(1),
            count,
            steps,
        }
    }

    /// Enough runs that everything has to happen in one of them.
    pub fn is_whole(&self) -> bool {
        self.count >= SEEDS && self.steps.len() >= STEPS as usize
    }
}

/// `3,17-20` as steps.
fn ranges(text: &str) -> Vec<u32> {
    let part = |part: &str| {
        let (from, until) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().expect("WHAMPOA_STEPS");
        number(from)..=number(until)
    };
    text.split(',').flat_map(part).collect()
}

impl Plan {
    pub fn whole(seed: u64, steps: u32) -> Self {
        Self {
            seed,
            steps: (0..steps).collect(),
        }
    }

    /// Plays the plan; what was found wrong as an error.
    pub fn play(&self) -> Result<Report, String> {
        catch_unwind(AssertUnwindSafe(|| self.go())).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic without words".to_owned())
        })
    }

    fn go(&self) -> Report {
        let mut world = World::new(self.seed);
        for (done, step) in self.steps.iter().enumerate() {
            world.step(*step);
            if world.machine.is_over {
                break;
            }
            if done % 50 == 0 {
                checks::check_deep(&world.machine.state);
                world.machine.compare_states();
            }
        }
        let root = end::check(&mut world);
        world.machine.tally.worlds = 1;
        world.machine.tally.judged = world.machine.auditor.judged();
        Report {
            root,
            tally: world.machine.tally.clone(),
            unjudged: world.machine.auditor.unjudged().cloned().collect(),
            reached: world.reached,
        }
    }
}

/// Plays seed after seed on all cores until one fails.
pub fn play_all(settings: &Settings) -> Outcome {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let outcome = Mutex::new(Outcome {
        tally: Tally::default(),
        reached: BTreeSet::new(),
        unjudged: BTreeSet::new(),
        failure: None,
    });
    println!(
        "WHAMPOA_SEED={} WHAMPOA_SEEDS={}",
        settings.first, settings.count
    );
    let start = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= settings.count {
                        return;
                    }
                    let plan = Plan {
                        seed: settings.first + at,
                        steps: settings.steps.clone(),
                    };
                    let report = plan.play();
                    let mut outcome = outcome.lock().expect("no worker panics");
                    match report {
                        Ok(report) => {
                            outcome.tally += &report.tally;
                            outcome.reached.extend(report.reached);
                            outcome.unjudged.extend(report.unjudged);
                        }
                        Err(text) => {
                            next.store(settings.count, Ordering::Relaxed);
                            outcome.failure.get_or_insert(Failure { plan, text });
                        }
                    }
                    let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if count.is_multiple_of(SEEDS_A_LINE) {
                        let (operations, seconds) = (outcome.tally.operations, start.elapsed());
                        println!("{count} seeds, {operations} operations, {seconds:.0?}");
                    }
                }
            });
        }
    });
    outcome.into_inner().expect("no worker panics")
}
