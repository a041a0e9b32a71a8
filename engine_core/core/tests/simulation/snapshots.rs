//! A state that was frozen and thawed is the state that it was: it goes on with the very same entries.

use whampoa_core::state::State;

use crate::random::Random;
use crate::world::World;

const REQUESTS: usize = 1_000;

/// What a start from a snapshot has in place of the state.
fn thawed(state: &State) -> State {
    let frozen = state.freeze().expect("a state can be encoded");
    let state = frozen.thaw().expect("and read");
    let again = state.freeze().expect("as before");
    assert!(frozen.body == again.body, "another body");
    assert!(
        frozen
            .transfers
            .iter()
            .flat_map(|part| part.iter())
            .eq(again.transfers.iter().flat_map(|part| part.iter()))
    );
    state
}

#[test]
fn a_run_with_thawed_states_makes_the_same_entries() {
    for seed in [11, 12] {
        println!("seed {seed}");
        let (mut plain, mut other) = (World::new(Random(seed)), World::new(Random(seed)));
        let mut when = Random(seed + 1);
        for _ in 0..REQUESTS {
            plain.step();
            other.step();
            if when.one_in(60) {
                let hash = other.machine.state.hash();
                other.machine.state = thawed(&other.machine.state);
                other.machine.replica = thawed(&other.machine.replica);
                assert_eq!(other.machine.state.hash(), hash);
            }
        }
        assert_eq!(plain.machine.entries.len(), other.machine.entries.len());
        assert!(
            plain.machine.entries == other.machine.entries,
            "other entries"
        );
        let bodies =
            [&plain, &other].map(|world| world.machine.state.freeze().map(|state| state.body));
        assert_eq!(bodies[0], bodies[1]);
    }
}
