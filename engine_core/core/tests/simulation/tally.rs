//! What a run did, counted: a simulation in which nothing happens proves nothing.

use std::ops::AddAssign;

macro_rules! tally {
    ($($name:ident: $text:literal,)*) => {
        #[derive(Clone, Debug, Default)]
        pub struct Tally { $(pub $name: u64,)* }

        impl AddAssign<&Tally> for Tally {
            fn add_assign(&mut self, other: &Tally) { $(self.$name += other.$name;)* }
        }

        impl Tally {
            pub fn lines(&self) -> Vec<String> {
                vec![$(format!("{:>12}  {}", self.$name, $text),)*]
            }

            /// Names of what never happened.
            pub fn missing(&self) -> Vec<&'static str> {
                let all = [$((self.$name, $text),)*];
                all.into_iter().filter(|(count, _)| *count == 0).map(|(_, text)| text).collect()
            }
        }
    };
}

tally! {
    worlds: "worlds",
    operations: "requests decided",
    entries: "entries made",
    replies: "replies that left",
    judged: "refusals that the auditor agrees with",
    repeated: "requests repeated, as they were or changed",
    power_losses: "power losses",
    power_losses_at_start: "power losses while starting",
    entries_lost: "entries lost before they were acknowledged",
    sent_again: "requests sent again after a power loss",
    clean_starts: "clean stops and starts",
    no_room: "requests refused on a full disk",
    lies_found: "lost or misdirected writes found at start, file and offset named",
    lies_lost: "runs that ended with acknowledged entries gone by such a write of the last frame",
}
