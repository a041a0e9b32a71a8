//! Runs one fuzz target under libFuzzer; `WHAMPOA_FUZZ_TARGET` names it, `WHAMPOA_FUZZ_SEEDS` a folder for its seeds.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use whampoa_core::seeded::Random;
use whampoa_fuzz::{TARGETS, Target, target};

const NAME: &str = "WHAMPOA_FUZZ_TARGET";
const SEEDS: &str = "WHAMPOA_FUZZ_SEEDS";

fn chosen() -> &'static Target {
    static CHOSEN: OnceLock<&Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var(NAME).unwrap_or_default();
        target(&name).unwrap_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("{NAME}: {name:?} is none of {}", names.join(", "));
            std::process::exit(2);
        })
    })
}

/// Puts the seeds that are made, not kept, where libFuzzer finds them.
fn begin() {
    if chosen().catches_panics {
        // libFuzzer's own hook would end the process; what nobody catches still does.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let Some(folder) = std::env::var_os(SEEDS) else {
        return;
    };
    for (at, seed) in (chosen().seeds)().iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{at}"));
        std::fs::write(&path, seed).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    }
}

fuzz_target!(init: begin(), |input: &[u8]| (chosen().run)(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    let Some(mutate) = chosen().mutate.filter(|_| !random.one_in(4)) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let mut input = data[..size].to_vec();
    mutate(&mut input, &mut random);
    let length = input.len().min(max_size);
    data[..length].copy_from_slice(&input[..length]);
    length
});
