//! The metrics listener, `GET /metrics` on an address of the operator's.
//!
//! Each page also shows whether the daemon answers, from a ping of at most
//! `PING_LIMIT`, less than a scrape may take. Client addresses are not checked
//! here; instead the operator is warned about listening addresses that others can
//! reach.

use super::listener::{self, Service};
use crate::engine::ping;
use crate::http1::{Method, print_page};
use crate::metrics::{Gauges, Metrics};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the daemon may take. Prometheus waits for ten seconds.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const SERVICE: Service = Service {
    name: "metrics",
    method: Method::Get,
    path: "/metrics",
    otherwise: "only GET /metrics is served here",
};

/// A listener that is bound but does not serve yet.
#[derive(Debug)]
pub struct Exporter {
    listener: TcpListener,
    socket: PathBuf,
}

impl Exporter {
    /// Binds `address`, for metrics that include the daemon behind `socket`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(address: SocketAddr, socket: &Path) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address)?, socket: socket.to_owned() })
    }

    /// Serves for as long as the program lives.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn serve(
        self,
        metrics: Arc<Metrics>,
        gauges: impl Fn() -> Gauges + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, socket } = self;
        listener::serve(listener, SERVICE, move || {
            let begun = Instant::now();
            let took = ping(&socket, PING_LIMIT).ok().map(|()| begun.elapsed());
            let mut response = Vec::new();
            print_page(CONTENT_TYPE, &metrics.page(&gauges(), took), &mut response);
            response
        })
    }
}
