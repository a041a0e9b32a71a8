//! Every target over its kept corpus and, for some seconds, over inputs that a seeded mutator makes of it.
//!
//! `WHAMPOA_FUZZ_SECONDS` is how long a target is mutated, `WHAMPOA_SEED` the seed. A failing input is printed and
//! kept; when it is put into `corpus/NAME/` it is run for ever after.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whampoa_core::seeded::Random;
use whampoa_fuzz::mutate::{mutate, words};
use whampoa_fuzz::{Target, target};

const SECONDS: u64 = 3;
const SEED: u64 = 1;
/// Bytes of a failing input that are printed.
const PRINTED: usize = 512;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds, then the kept inputs by name.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = (target.seeds)();
    let Ok(files) = fs::read_dir(folder("corpus").join(target.name)) else {
        return inputs;
    };
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    inputs.extend(paths.iter().map(|path| fs::read(path).unwrap()));
    inputs
}

fn dictionary(name: &str) -> Vec<Vec<u8>> {
    let path = folder("dictionary").join(format!("{name}.dict"));
    words(&fs::read_to_string(path).unwrap_or_default())
}

/// Runs one input; when it fails, keeps it and says where.
fn checked(target: &Target, input: &[u8], origin: &str) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) else {
        return;
    };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{}", target.name));
    fs::write(&path, input).unwrap();
    let hex: String = input
        .iter()
        .take(PRINTED)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    eprintln!(
        "{}: {origin} fails, kept as {}",
        target.name,
        path.display()
    );
    eprintln!("{} bytes: {hex}", input.len());
    resume_unwind(panic);
}

fn fuzzed(name: &str) {
    let target = target(name).unwrap();
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for (at, input) in corpus.iter().enumerate() {
        checked(target, input, &format!("kept input {at}"));
    }
    let seed = number("WHAMPOA_SEED").unwrap_or(SEED);
    let seconds = number("WHAMPOA_FUZZ_SECONDS").unwrap_or(SECONDS);
    let words = dictionary(name);
    let (start, mut runs) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random::nth(seed, runs);
        let mut input = random.pick(&corpus).unwrap().clone();
        match target.mutate.filter(|_| !random.one_in(4)) {
            Some(mutate) => mutate(&mut input, &mut random),
            None => {
                let other = random.pick(&corpus).unwrap();
                mutate(&mut input, other, &words, &mut random);
            }
        }
        checked(target, &input, &format!("WHAMPOA_SEED={seed} input {runs}"));
        runs += 1;
    }
    println!("{name}: {} kept, {runs} mutated, seed {seed}", corpus.len());
}

/// Requests that today's rules refuse are left out of the ground; this says when they are too many.
#[test]
fn the_ground_has_most_kinds_of_entries() {
    let kinds = (target("entry").unwrap().seeds)().len();
    assert!(kinds >= 28, "{kinds} kinds");
}

macro_rules! targets {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            fuzzed(stringify!($name));
        }
    )*

        #[test]
        fn every_target_is_run() {
            let named = [$(stringify!($name)),*];
            let all: Vec<&str> = whampoa_fuzz::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(named[..], all[..]);
        }
    };
}

targets!(
    strict, request, columns, entry, replay, journal, manifest, private, snapshot, proof, ceb
);
