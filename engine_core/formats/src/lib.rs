//! Document codec of Whampoa: CEB messages of the Single Window, read, checked and written.

pub mod check;
pub mod codes;
pub mod decimal;
pub mod document;
pub mod envelope;
pub mod finding;
pub mod model;
pub mod parse;
pub mod proto;
pub mod read;
pub mod rule;
pub mod write;
pub mod xml;
