//! Sharing money exactly (DESIGN section 6): pro rata with caps, largest remainder, ties by id. Integers only.

/// One who shares: at most `cap`, in proportion to `weight`; ties go to the smaller `tie` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub cap: i64,
    pub weight: i64,
    pub tie: [u8; 16],
}

/// Shares `total` over claims. Whoever reaches the cap is fixed there and the rest is shared again; then floors, and
/// single units by largest remainder. What no cap takes is left over: the shares sum to min(total, Σ caps).
pub fn pro_rata(total: i64, claims: &[Claim]) -> Vec<i64> {
    let mut shares = vec![0; claims.len()];
    let mut left = i128::from(total.max(0));
    let mut active: Vec<usize> = (0..claims.len())
        .filter(|at| claims[*at].cap > 0 && claims[*at].weight > 0)
        .collect();
    loop {
        let weights: i128 = active.iter().map(|at| i128::from(claims[*at].weight)).sum();
        if weights == 0 || left == 0 {
            return shares;
        }
        let reaches = |at: &usize| {
            left * i128::from(claims[*at].weight) >= i128::from(claims[*at].cap) * weights
        };
        let (fixed, rest): (Vec<usize>, Vec<usize>) = active.iter().partition(|at| reaches(at));
        if fixed.is_empty() {
            spread(left, weights, claims, &active, &mut shares);
            return shares;
        }
        for at in fixed {
            shares[at] = claims[at].cap;
            left -= i128::from(claims[at].cap);
        }
        active = rest;
    }
}

/// Floors and largest remainders over claims none of which reaches its cap.
fn spread(total: i128, weights: i128, claims: &[Claim], active: &[usize], shares: &mut [i64]) {
    let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(active.len());
    let mut given = 0;
    for at in active {
        let product = total * i128::from(claims[*at].weight);
        let floor = product / weights;
        shares[*at] = floor as i64;
        given += floor;
        remainders.push((product % weights, *at));
    }
    let by_remainder = |(left, a): &(i128, usize), (right, b): &(i128, usize)| {
        right
            .cmp(left)
            .then_with(|| claims[*a].tie.cmp(&claims[*b].tie))
    };
    remainders.sort_unstable_by(by_remainder);
    for (_, at) in remainders.into_iter().take((total - given) as usize) {
        shares[at] += 1;
    }
}

/// Shares all of `total` in proportion to weights by largest remainder, without caps.
pub fn largest_remainder(total: i64, weights: &[(i64, [u8; 16])]) -> Vec<i64> {
    let claims: Vec<Claim> = weights
        .iter()
        .map(|(weight, tie)| Claim {
            cap: i64::MAX,
            weight: *weight,
            tie: *tie,
        })
        .collect();
    pro_rata(total, &claims)
}

/// Serves caps in order until `amount` is used up; the last one served may be partial.
pub fn first_in_first_out(amount: i64, caps: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut left = amount;
    let mut parts = Vec::new();
    for cap in caps {
        if left == 0 {
            break;
        }
        let part = cap.min(left);
        parts.push(part);
        left -= part;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tie(number: usize) -> [u8; 16] {
        (number as u128).to_be_bytes()
    }

    fn claims(caps_and_weights: &[(i64, i64)]) -> Vec<Claim> {
        let claim = |(at, (cap, weight)): (usize, &(i64, i64))| Claim {
            cap: *cap,
            weight: *weight,
            tie: tie(at),
        };
        caps_and_weights.iter().enumerate().map(claim).collect()
    }

    /// The largest-remainder (Hare quota) seats that the textbooks print: 100,000 votes, 10 seats, and the two halves of
    /// the Alabama paradox (25 and 26 seats).
    #[test]
    fn published_largest_remainder_vectors() {
        let seats = |total: i64, votes: &[i64]| {
            let weights: Vec<(i64, [u8; 16])> = votes
                .iter()
                .enumerate()
                .map(|(at, vote)| (*vote, tie(at)))
                .collect();
            largest_remainder(total, &weights)
        };
        assert_eq!(
            seats(10, &[47_000, 16_000, 15_800, 12_000, 6_100, 3_100]),
            [5, 2, 1, 1, 1, 0]
        );
        assert_eq!(
            seats(25, &[1500, 1500, 900, 500, 500, 200]),
            [7, 7, 4, 3, 3, 1]
        );
        assert_eq!(
            seats(26, &[1500, 1500, 900, 500, 500, 200]),
            [8, 8, 5, 2, 2, 1]
        );
    }

    #[test]
    fn caps_are_kept_and_the_rest_is_shared_again() {
        assert_eq!(pro_rata(100, &claims(&[(10, 50), (100, 50)])), [10, 90]);
        assert_eq!(pro_rata(100, &claims(&[(10, 10), (20, 20)])), [10, 20]);
        assert_eq!(pro_rata(2, &claims(&[(5, 5), (5, 5), (5, 5)])), [1, 1, 0]);
        assert_eq!(pro_rata(7, &claims(&[(0, 5), (9, 0), (9, 1)])), [0, 0, 7]);
    }

    #[test]
    fn first_come_is_served_whole() {
        assert_eq!(
            first_in_first_out(25, [10, 10, 10].into_iter()),
            [10, 10, 5]
        );
        assert_eq!(first_in_first_out(0, [10].into_iter()), Vec::<i64>::new());
    }

    /// Naive second implementation: exact fractions compared by cross multiplication, one fixed claim a round, units
    /// given one by one by scanning.
    fn naive(total: i64, claims: &[Claim]) -> Vec<i64> {
        let mut shares = vec![0_i64; claims.len()];
        let mut open: Vec<bool> = claims
            .iter()
            .map(|claim| claim.cap > 0 && claim.weight > 0)
            .collect();
        let mut left = i128::from(total);
        loop {
            let weights: i128 = (0..claims.len())
                .filter(|at| open[*at])
                .map(|at| i128::from(claims[at].weight))
                .sum();
            let fixed: Vec<usize> = (0..claims.len())
                .filter(|at| open[*at])
                .filter(|at| {
                    left * i128::from(claims[*at].weight) >= i128::from(claims[*at].cap) * weights
                })
                .collect();
            if fixed.is_empty() || left == 0 {
                let mut units = left;
                let quota = |at: usize| left * i128::from(claims[at].weight);
                for at in (0..claims.len()).filter(|at| open[*at] && weights > 0) {
                    shares[at] = (quota(at) / weights) as i64;
                    units -= quota(at) / weights;
                }
                let mut given = vec![false; claims.len()];
                while units > 0 && open.contains(&true) {
                    let mut best: Option<usize> = None;
                    for at in (0..claims.len()).filter(|at| open[*at] && !given[*at]) {
                        let is_better = best.is_none_or(|other: usize| {
                            let (mine, theirs) = (quota(at) % weights, quota(other) % weights);
                            mine > theirs || mine == theirs && claims[at].tie < claims[other].tie
                        });
                        if is_better {
                            best = Some(at);
                        }
                    }
                    let Some(best) = best else { break };
                    given[best] = true;
                    shares[best] += 1;
                    units -= 1;
                }
                return shares;
            }
            for at in fixed {
                shares[at] = claims[at].cap;
                left -= i128::from(claims[at].cap);
                open[at] = false;
            }
        }
    }

    proptest! {
        #[test]
        fn both_implementations_agree_and_nothing_is_lost(
            total in 0_i64..2_000,
            numbers in proptest::collection::vec((0_i64..300, 0_i64..300, any::<u8>()), 0..12),
        ) {
            let claims: Vec<Claim> = numbers
                .iter()
                .enumerate()
                .map(|(at, (cap, weight, byte))| {
                    let mut tie = tie(at);
                    tie[0] = *byte;
                    Claim { cap: *cap, weight: *weight, tie }
                })
                .collect();
            let shares = pro_rata(total, &claims);
            prop_assert_eq!(&shares, &naive(total, &claims));
            prop_assert!(shares.iter().zip(&claims).all(|(share, claim)| (0..=claim.cap).contains(share)));
            let room: i64 = claims.iter().filter(|claim| claim.weight > 0).map(|claim| claim.cap).sum();
            prop_assert_eq!(shares.iter().sum::<i64>(), total.min(room));
        }

        #[test]
        fn large_amounts_do_not_overflow(total in 0..i64::MAX, a in 1..i64::MAX, b in 1..i64::MAX) {
            let shares = largest_remainder(total, &[(a, tie(0)), (b, tie(1))]);
            prop_assert_eq!(i128::from(shares[0]) + i128::from(shares[1]), i128::from(total));
        }
    }
}
