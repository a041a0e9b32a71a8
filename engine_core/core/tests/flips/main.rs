//! Every flipped bit of a journal is found and located, and what stands at its end is judged by the tail rules.

mod bits;
mod ends;
mod ground;
mod private;
mod sample;
