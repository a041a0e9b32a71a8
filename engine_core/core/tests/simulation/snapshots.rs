//! A state that was frozen and thawed is the state that it was: it goes on with the very same entries.

use whampoa_core::state::State;

use crate::world::World;
use whampoa_core::seeded::Random;

const REQUESTS: u32 = 500;

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
    // Neither has a disk that lies: that would end the run.
    for seed in [11, 13] {
        println!("seed {seed}");
        let (mut plain, mut other) = (World::new(seed), World::new(seed));
        let mut when = Random::new(seed + 1);
        for at in 0..REQUESTS {
            plain.step(at);
            other.step(at);
            if when.one_in(60) {
                let hash = other.machine.state.hash();
                other.machine.state = thawed(&other.machine.state);
                let core = other.machine.core.as_ref().expect("it is open");
                core.change_state(|state| *state = thawed(state));
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
