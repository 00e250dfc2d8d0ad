//! The sans-I/O HTTP/1.1 layer: bytes in, values out, values printed.

mod method;

pub use method::Method;
