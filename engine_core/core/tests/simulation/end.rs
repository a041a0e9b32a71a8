//! What must be true when a run is over and the power came back for the last time.

use whampoa_core::evidence::hash::Hash;
use whampoa_core::evidence::tree::Tree;
use whampoa_core::evidence::verify::structure;
use whampoa_core::journal::view::EntryView;
use whampoa_core::pipeline::seal::read_entry;
use whampoa_core::state::State;

use crate::checks;
use crate::world::World;

/// Checks the journal, the replies and the projections; gives the root of the tree.
pub fn check(world: &mut World) -> Hash {
    let machine = &mut world.machine;
    machine.is_hostile = false;
    machine.disk.limit(None);
    if !machine.is_over {
        machine.flush();
    }
    if !machine.is_over {
        machine.recover();
        machine.flush();
    }
    if machine.is_over {
        return [0; 32];
    }
    every_reply_is_given_again(world);
    let machine = &world.machine;
    checks::check_deep(&machine.state);
    checks::check_chains(machine);
    let root = the_files_say_the_same(world);
    projections_are_the_same_after_a_start(world);
    root
}

/// Law 8, after all power losses of the run: every request that was accepted gets its reply again, byte for byte.
fn every_reply_is_given_again(world: &mut World) {
    let machine = &mut world.machine;
    let all = machine.answered.clone();
    let entries = machine.entries.len();
    for submission in all.iter().step_by(3) {
        let again = whampoa_core::pipeline::Submission {
            now_ms: machine.now_ms,
            ..submission.clone()
        };
        let outcome = machine.decide(&again).expect("the power is on");
        assert!(outcome.is_ok(), "law 8: refused now: {outcome:?}");
    }
    machine.flush();
    assert_eq!(
        entries,
        machine.entries.len(),
        "a repeated request made entries"
    );
}

/// Laws 10 and 12: the files alone give the same root and the same state.
fn the_files_say_the_same(world: &World) -> Hash {
    let machine = &world.machine;
    let mut tree = Tree::default();
    for bytes in &machine.entries {
        tree.push(EntryView::parse(bytes).expect("readable").link());
    }
    let mut state = State::default();
    let report = structure(&machine.disk.folder("journal"), &mut |view| {
        let (at, event) = read_entry(view).map_err(|fault| fault.to_string())?;
        state.evolve(&at, &event, view.row_count());
        Ok(())
    })
    .expect("the files can be read");
    if machine.disk.has_lied() && report.first_bad.is_some() {
        // Found late: the lie hit what was never read again.
        return tree.root();
    }
    assert_eq!(report.first_bad, None, "law 12");
    assert_eq!(report.root, tree.root(), "law 12: another root");
    machine.auditor.rooted(report.root);
    machine.auditor.end();
    assert_eq!(state.hash(), machine.state.hash(), "law 10: another state");
    report.root
}

/// Law 10: a start folds the same projections, and with every private part gone the same state.
fn projections_are_the_same_after_a_start(world: &mut World) {
    let machine = &mut world.machine;
    let project = |machine: &crate::machine::Machine| {
        let core = machine.core.as_ref().expect("it is open");
        let (mut from, mut all) = (0, Vec::new());
        loop {
            let (next, batches) = core.project(from).expect("the journal can be read");
            all.push(batches);
            if next == core.journal().durable() {
                return all;
            }
            from = next;
        }
    };
    let before = project(machine);
    machine.recover();
    if machine.is_over {
        return;
    }
    assert!(before == project(machine), "law 10: other projections");
    machine.forget_private_parts();
    let core = machine.core.as_ref().expect("it is open");
    assert_eq!(
        core.with_state(State::hash),
        Some(machine.state.hash()),
        "law 10: another state without private parts"
    );
}
