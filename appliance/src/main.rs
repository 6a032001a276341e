//! `latchkey`: the server and its command line in one binary.

fn main() {}
