//! The only real clock and the only source of random bytes. Everything else takes both as arguments.
