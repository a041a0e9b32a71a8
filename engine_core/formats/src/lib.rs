//! Document codec of Whampoa: CEB messages of the Single Window, read, checked and written.

pub mod codes;
pub mod decimal;
pub mod document;
pub mod finding;
pub mod model;
pub mod parse;
pub mod proto;
pub mod xml;
