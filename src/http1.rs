//! The sans-I/O HTTP/1.1 layer: bytes in, values out, values printed.
//!
//! **Invariant:** nothing here does I/O, knows a clock or spawns a thread.
//! **Invariant:** no byte of a received head is ever forwarded; each sent head is
//! printed from a parsed value ([`Request`], [`Response`]).
//! **Invariant:** a body has exactly one framing: [`RequestBody`] and
//! [`ResponseBody`] cannot express Content-Length together with chunked.
//!
//! A head goes through three gates. [`HeadScan`] finds its end and refuses
//! bytes that no head may contain, as soon as they arrive. httparse cuts it into
//! tokens. [`Request::parse`] and [`Response::parse`] judge the tokens: httparse
//! is lenient in ways that proxies must not be (non-ASCII targets, fragments,
//! repeated lengths, leading empty lines, bare LF), and each of these is decided here.
//!
//! Read: [`mod@error`], `scan`, `target`, `fields`, `framing`, `hijack`, `request`,
//! `response`, `chunked`, `reply`.

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

pub mod chunked;
pub mod error;
mod fields;
mod framing;
mod hijack;
mod method;
mod reply;
mod request;
mod response;
mod scan;
mod target;

pub use error::Error;
pub use fields::FieldStorage;
pub use framing::{BodyReader, Decoded, Encoding, RequestBody, ResponseBody};
pub(crate) use hijack::{engine_takes, podman_takes};
pub use method::Method;
pub use reply::{Reply, print_page};
pub(crate) use request::Printed;
pub use request::{Request, Upgrade, Version};
pub use response::{Asked, Response, Takeover, read_status};
pub use scan::HeadScan;
pub use target::{Target, encode_path, percent_encoded};

/// Longest head, start line and fields together. Registry credentials are sent in
/// fields (`X-Registry-Config` has those of all the user's registries), so nginx's
/// 8 KiB would cut real clients; Go's server stops at 1 MiB. A target may fill it:
/// dockerode repeats a create body as the query.
pub const HEAD_BYTES_MAX: usize = 128 * 1024;

/// Most fields in a head. Real clients send about ten; Go has no such limit.
pub const FIELDS_MAX: usize = 200;

/// Longest line that announces a chunk, with its extensions (h11 takes 256 too).
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Longest trailer section. Docker clients send none.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Most interim (1xx) responses before a final one.
pub const INTERIM_RESPONSES_MAX: usize = 16;

/// The one Host that the daemon ever sees. The Engine does not look at it.
pub const DAEMON_HOST: &str = "docker";
