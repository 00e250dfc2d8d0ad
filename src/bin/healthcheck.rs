//! Asks the health listener of `socket-proxy` whether the daemon answers.
fn main() {}
