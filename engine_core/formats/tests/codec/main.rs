//! The codec from outside: checks as a table, and what no bytes may do.

mod bodies;
mod checks;
mod robust;
