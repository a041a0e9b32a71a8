//! Makes a failing run smaller: fewer steps that still fail, found by leaving out halves, quarters and so on.

use std::panic;

use crate::run::{Failure, Plan};

/// Runs that are tried for a smaller one.
const TRIES_MAX: usize = 400;

/// The fewest steps found for which `fails` is true; it is true for `steps`.
pub fn smallest(mut steps: Vec<u32>, fails: &mut dyn FnMut(&[u32]) -> bool) -> Vec<u32> {
    let mut parts = 2;
    let mut tries = 0;
    while steps.len() > 1 && parts <= steps.len() && tries < TRIES_MAX {
        let size = steps.len().div_ceil(parts);
        let without = |part: usize| {
            let (from, until) = (part * size, ((part + 1) * size).min(steps.len()));
            [&steps[..from.min(steps.len())], &steps[until..]].concat()
        };
        let smaller = (0..parts).map(without).find(|rest| {
            tries += 1;
            rest.len() < steps.len() && fails(rest)
        });
        match smaller {
            Some(rest) => {
                steps = rest;
                parts = 2.max(parts - 1);
            }
            None if parts == steps.len() => break,
            None => parts = (parts * 2).min(steps.len()),
        }
    }
    steps
}

/// What a failure was, the smallest run that still fails, and the command that repeats it.
pub fn report(failure: &Failure) -> String {
    let (seed, all) = (failure.plan.seed, failure.plan.steps.clone());
    println!(
        "seed {seed} failed: {}; looking for fewer steps",
        failure.text
    );
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let play = |steps: &[u32]| {
        let steps = steps.to_vec();
        Plan { seed, steps }.play().err()
    };
    let small = smallest(all, &mut |steps| play(steps).is_some());
    let text = play(&small).unwrap_or_else(|| failure.text.clone());
    panic::set_hook(hook);
    let steps: Vec<String> = small.iter().map(u32::to_string).collect();
    format!(
        "{text}\nseed {seed}, {} steps left of {}; again with\n  WHAMPOA_SEED={seed} WHAMPOA_STEPS={} cargo test -p \
         whampoa-core --test simulation -- --nocapture",
        small.len(),
        failure.plan.steps.len(),
        steps.join(",")
    )
}
