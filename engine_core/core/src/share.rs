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
        // The floor reaches a whole cap exactly when the fraction does, and no product passes 128 bits.
        let reaches = |at: &usize| {
            left * i128::from(claims[*at].weight) / weights >= i128::from(claims[*at].cap)
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
