//! The simulation: a seeded world of partners and institutions sends valid and invalid requests to the real write path on a
//! disk that fails to order. After every operation the laws hold, after every power loss nothing acknowledged is lost, and
//! requests that come again get the same reply. A seed that fails is made smaller and printed with what repeats it.
//!
//! `WHAMPOA_SEED` is the first seed, `WHAMPOA_SEEDS` how many follow, `WHAMPOA_STEPS` the steps of each (a number, or the
//! list that a failure printed).

mod auditor;
mod checks;
mod customs;
mod end;
mod hostile;
mod ledger;
mod machine;
mod money;
mod odd;
#[path = "../reference/mod.rs"]
mod reference;
mod run;
mod sharing;
mod shrink;
mod snapshots;
mod tally;
mod taxes;
mod world;

use run::{Plan, Settings};

#[test]
fn nothing_acknowledged_is_lost_and_the_laws_hold_whatever_happens() {
    let settings = Settings::read();
    let outcome = run::play_all(&settings);
    for line in outcome.tally.lines() {
        println!("{line}");
    }
    println!("not judged by the auditor: {:?}", outcome.unjudged);
    if let Some(failure) = outcome.failure {
        panic!("{}", shrink::report(&failure));
    }
    if settings.is_whole() {
        assert!(outcome.tally.operations >= 1_000_000, "too few operations");
        checks::check_reached(&outcome.reached);
        let missing = outcome.tally.missing();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}

#[test]
fn the_same_seed_makes_the_same_journal() {
    let plan = Plan::whole(7, 150);
    let (first, second) = (plan.play().unwrap(), plan.play().unwrap());
    assert_eq!(first.root, second.root);
    assert_eq!(first.tally.lines(), second.tally.lines());
}

/// The shrinker is worth nothing if it is never used: a failure of one step among many is brought down to few.
#[test]
fn a_failure_is_made_smaller() {
    let needs = |steps: &[u32]| steps.contains(&17) && steps.contains(&60);
    let small = shrink::smallest((0..200).collect(), &mut |steps| needs(steps));
    assert_eq!(small, [17, 60]);
}
