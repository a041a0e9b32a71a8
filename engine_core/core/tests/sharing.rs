//! Sharing against a second implementation and against the vectors that docs/formats.md publishes.

#[path = "reference/mod.rs"]
mod reference;

use std::path::Path;

use proptest::prelude::*;
use whampoa_core::share::{Claim, first_in_first_out, largest_remainder, pro_rata};

fn tie(number: usize) -> [u8; 16] {
    (number as u128).to_be_bytes()
}

/// One line of the published table: total, caps, weights, ties and shares.
struct Vector {
    total: i64,
    claims: Vec<Claim>,
    shares: Vec<i64>,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = std::fs::read_to_string(path).expect("docs/formats.md");
    let (_, table) = text
        .split_once("| total | caps |")
        .expect("the table of vectors");
    let numbers = |cell: &str| -> Vec<i64> {
        cell.split_whitespace()
            .map(|number| number.parse().expect("an integer"))
            .collect()
    };
    let lines = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let (caps, weights, ties) = (numbers(cells[2]), numbers(cells[3]), numbers(cells[4]));
            let claim = |at: usize| Claim {
                cap: caps[at],
                weight: weights[at],
                tie: tie(ties[at] as usize),
            };
            Vector {
                total: numbers(cells[1])[0],
                claims: (0..caps.len()).map(claim).collect(),
                shares: numbers(cells[5]),
            }
        })
        .collect()
}

#[test]
fn both_implementations_give_the_published_vectors() {
    let vectors = vectors();
    assert!(vectors.len() >= 10, "{} vectors", vectors.len());
    for vector in vectors {
        assert_eq!(
            pro_rata(vector.total, &vector.claims),
            vector.shares,
            "{:?}",
            vector.claims
        );
        assert_eq!(
            reference::share(vector.total, &vector.claims),
            vector.shares
        );
    }
}

#[test]
fn first_come_is_served_whole() {
    assert_eq!(
        first_in_first_out(25, [10, 10, 10].into_iter()),
        [10, 10, 5]
    );
    assert_eq!(first_in_first_out(0, [10].into_iter()), Vec::<i64>::new());
}

/// Claims whose ties are in another order than they are, some of them equal in cap or weight.
fn claims(values: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Claim>> {
    proptest::collection::vec((values.clone(), values, any::<u8>()), 0..14).prop_map(|numbers| {
        let claim = |(at, (cap, weight, byte)): (usize, &(i64, i64, u8))| {
            let mut tie = tie(at);
            tie[0] = *byte;
            Claim {
                cap: *cap,
                weight: *weight,
                tie,
            }
        };
        numbers.iter().enumerate().map(claim).collect()
    })
}

fn check(total: i64, claims: &[Claim]) -> Result<(), TestCaseError> {
    let shares = pro_rata(total, claims);
    prop_assert_eq!(&shares, &reference::share(total, claims));
    for (share, claim) in shares.iter().zip(claims) {
        prop_assert!((0..=claim.cap).contains(share));
    }
    let room: i128 = claims
        .iter()
        .filter(|claim| claim.weight > 0)
        .map(|claim| i128::from(claim.cap))
        .sum();
    let sum: i128 = shares.iter().map(|share| i128::from(*share)).sum();
    prop_assert_eq!(sum, i128::from(total).min(room));
    Ok(())
}

proptest! {
    #[test]
    fn both_implementations_agree(total in 0_i64..2_000, claims in claims(0..300)) {
        check(total, &claims)?;
    }

    /// Small numbers make equal remainders, so that ties decide.
    #[test]
    fn they_agree_on_ties(total in 0_i64..40, claims in claims(0..4)) {
        check(total, &claims)?;
    }

    /// Products near 2^126 and sums of weights beyond 2^64.
    #[test]
    fn they_agree_on_extremes(
        total in i64::MAX - 1_000..=i64::MAX,
        mut claims in claims(i64::MAX - 3..i64::MAX),
        capped in 1_i64..i64::MAX,
    ) {
        check(total, &claims)?;
        if let Some(first) = claims.first_mut() {
            first.cap = capped;
        }
        check(total, &claims)?;
    }

    /// Conversion and distribution: all of the total, each within one unit of its exact part.
    #[test]
    fn distribution_is_within_one_unit(
        total in 0..i64::MAX,
        weights in proptest::collection::vec(1..i64::MAX, 1..20),
    ) {
        let weights: Vec<(i64, [u8; 16])> =
            weights.iter().enumerate().map(|(at, weight)| (*weight, tie(at))).collect();
        let shares = largest_remainder(total, &weights);
        let claims: Vec<Claim> = weights
            .iter()
            .map(|(weight, tie)| Claim { cap: i64::MAX, weight: *weight, tie: *tie })
            .collect();
        prop_assert_eq!(&shares, &reference::share(total, &claims));
        let all: i128 = weights.iter().map(|(weight, _)| i128::from(*weight)).sum();
        for (share, (weight, _)) in shares.iter().zip(&weights) {
            let floor = i128::from(total) * i128::from(*weight) / all;
            prop_assert!((floor..=floor + 1).contains(&i128::from(*share)));
        }
        prop_assert_eq!(shares.iter().map(|share| i128::from(*share)).sum::<i128>(), i128::from(total));
    }
}
