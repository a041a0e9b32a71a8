//! A second way to share money, written apart from `whampoa_core::share`: one claim, then one unit, at a time.

use whampoa_core::share::Claim;

/// Level 1: the claims that fill up are found from the smallest cap for its weight on, each alone; the rest is dealt out.
pub fn share(total: i64, claims: &[Claim]) -> Vec<i64> {
    let wide = |value: i64| i128::from(value);
    let mut waiting: Vec<usize> = (0..claims.len())
        .filter(|at| claims[*at].cap > 0 && claims[*at].weight > 0)
        .collect();
    waiting.sort_by(|one, two| {
        let (one, two) = (&claims[*one], &claims[*two]);
        (wide(one.cap) * wide(two.weight)).cmp(&(wide(two.cap) * wide(one.weight)))
    });
    let mut shares = vec![0; claims.len()];
    let mut left = wide(total);
    while let Some(at) = waiting.first().copied() {
        let weights: i128 = waiting.iter().map(|at| wide(claims[*at].weight)).sum();
        let fair = left * wide(claims[at].weight) / weights;
        if fair < wide(claims[at].cap) {
            deal(left, &waiting, claims, &mut shares);
            break;
        }
        shares[at] = claims[at].cap;
        left -= wide(claims[at].cap);
        waiting.remove(0);
    }
    shares
}

/// Whole parts first; then one unit at a time to whoever is furthest below its part, ties to the smaller bytes.
fn deal(total: i128, among: &[usize], claims: &[Claim], shares: &mut [i64]) {
    let weights: i128 = among.iter().map(|at| i128::from(claims[*at].weight)).sum();
    let part = |at: usize| total * i128::from(claims[at].weight);
    let mut left = total;
    for at in among {
        shares[*at] = i64::try_from(part(*at) / weights).expect("no share exceeds the total");
        left -= i128::from(shares[*at]);
    }
    let mut dealt = vec![false; claims.len()];
    for _ in 0..left {
        let mut best: Option<usize> = None;
        for at in among.iter().copied().filter(|at| !dealt[*at]) {
            let is_better = best.is_none_or(|other| {
                let (mine, theirs) = (part(at) % weights, part(other) % weights);
                mine > theirs || mine == theirs && claims[at].tie < claims[other].tie
            });
            if is_better {
                best = Some(at);
            }
        }
        let best = best.expect("fewer units than claims are left");
        dealt[best] = true;
        shares[best] += 1;
    }
}
