//! The command: arguments and environment, listeners, threads, exit code.

#![warn(clippy::unwrap_used)]

use socket_proxy::activation::{PassedListener, passed_listeners};
use socket_proxy::commands::{self, Call};
use socket_proxy::config::{Config, Invocation};
use socket_proxy::filter::Scope;
use socket_proxy::metrics::{Build, Metrics};
use socket_proxy::server::{self, BindError, Server};
use socket_proxy::session::Learner;
use socket_proxy::stop::StopReason;
use socket_proxy::wait::{self, Unusable};
use socket_proxy::watchdog::exporter::Exporter;
use socket_proxy::watchdog::health::HealthListener;
use socket_proxy::watchdog::{Notifier, Watchdog, healthcheck};
use socket_proxy::{about, logging, signals};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The version of this program, for metrics.
const BUILD: Build =
    Build { version: about::VERSION, commit: about::COMMIT, target: about::TARGET };

/// How often the log says that the proxy is learning.
const LEARNING_REMINDER: Duration = Duration::from_secs(600);

/// A missing socket of the daemon, or a listener that cannot be bound.
const EXIT_UNAVAILABLE: u8 = 2;

/// How long the end waits for an unread log.
const LOG_FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The name under which the program is the health check, as a link in the image, the
/// package and the tarballs.
const HEALTHCHECK: &str = "healthcheck";

fn main() -> ExitCode {
    if is_called(HEALTHCHECK) {
        return healthcheck();
    }
    let call = Call::new(std::env::args_os().skip(1).collect(), std::env::vars_os().collect());
    match Config::from_args_and_env(call.arguments.clone(), call.environment.clone()) {
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            // If standard output is closed, nobody reads on.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Ok(Invocation::Healthcheck) => healthcheck(),
        Ok(Invocation::Command(command)) => ExitCode::from(commands::run(&command, &call)),
        Ok(Invocation::Run(config)) => run(&config),
        Err(error) => {
            let mut message = error.to_string();
            if error.is_about_values() {
                message =
                    format!("{}\n{message}", logging::error_line("error initializing config"));
            }
            eprint!("{}", logging::for_stderr(&message));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Whether the program was started by this name, in any directory.
fn is_called(name: &str) -> bool {
    let program = std::env::args_os().next().map(PathBuf::from);
    program.is_some_and(|path| path.file_name() == Some(name.as_ref()))
}

fn run(config: &Config) -> ExitCode {
    // Before any thread, that of the log included: this changes the environment.
    let passed = passed_listeners();
    logging::init(config.log);
    logging::announce(config);
    let code = match start_and_wait(config, passed) {
        Ok(reason) => {
            log::info!("exit code" = reason.exit_code(); "shutdown finished - exiting");
            ExitCode::from(reason.exit_code())
        }
        Err(error) => {
            error.log();
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    };
    logging::finish(LOG_FLUSH_LIMIT);
    code
}

/// Why the proxy could not start. The log's texts are those of the Go program.
enum StartError {
    Daemon(Unusable),
    Listener(BindError),
    Other(String),
}

impl StartError {
    fn log(&self) {
        match self {
            Self::Daemon(error) => log::error!(error:% = error; "socket not available"),
            Self::Listener(BindError::Address(error)) => {
                log::error!(error:% = error; "error listening on address");
            }
            Self::Listener(BindError::Socket(error)) => {
                log::error!(error:% = error; "error creating socket");
            }
            Self::Other(error) => log::error!(error:% = error; "cannot start"),
        }
    }
}

impl From<String> for StartError {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

/// Serves until the program is to stop.
fn start_and_wait(
    config: &Config,
    passed: io::Result<Vec<PassedListener>>,
) -> Result<StopReason, StartError> {
    let passed = passed.map_err(|error| error.to_string())?;
    server::raise_descriptor_limit(&config.limits);
    let (stop, stops) = channel();
    let learner = config.learning.clone().map(Learner::new).map(Arc::new);
    let report = learner.as_ref().map(report_learned).transpose()?;
    signals::spawn(stop.clone(), report)
        .map_err(|error| format!("cannot handle signals: {error}"))?;
    let is_there = wait::for_socket(&config.socket_path, config.wait_for_socket, &stops);
    if !is_there.map_err(StartError::Daemon)? {
        return Ok(StopReason::Signal(0));
    }
    let bound = server::bind_all(config, passed).map_err(StartError::Listener)?;
    let notifier = Notifier::from_env();
    let metrics = config.metrics.map(|address| metrics(config, address)).transpose()?;
    let counted = metrics.as_ref().map(|(metrics, _)| &**metrics);
    let server = Server::start(config, bound, learner.clone(), counted)
        .map_err(|error| format!("cannot start threads: {error}"))?;
    if let Some((metrics, exporter)) = metrics {
        let served = exporter.serve(metrics, server.gauges());
        served.map_err(|error| format!("cannot serve metrics: {error}"))?;
    }
    start_watchers(config, stop, notifier.clone())?;
    log::info!("socket-proxy running and listening...");
    notifier.ready();
    let reason = stops.recv().unwrap_or(StopReason::Signal(0));
    match reason {
        StopReason::Signal(_) => log::info!("received stop signal - shutting down"),
        StopReason::Watchdog => log::info!("received internal shutdown - shutting down"),
    }
    notifier.stopping();
    server.stop(config.shutdown_grace);
    if let Some(learner) = learner {
        logging::write_raw(&learner.suggestion());
    }
    Ok(reason)
}

/// The counters of all listeners, and the bound listener that shows them.
fn metrics(config: &Config, address: SocketAddr) -> Result<(Arc<Metrics>, Exporter), StartError> {
    let names = config.listeners.iter().map(|listener| listener.name.as_str());
    let exporter = Exporter::bind(address, &config.socket_path)
        .map_err(|error| format!("cannot serve metrics on {address}: {error}"))?;
    Ok((Arc::new(Metrics::new(BUILD, names)), exporter))
}

/// Starts the thread that prints the learned list on request, and logs every ten
/// minutes that the proxy is learning.
fn report_learned(learner: &Arc<Learner>) -> Result<Sender<()>, String> {
    let (report, reports) = channel();
    let learner = Arc::clone(learner);
    let run = move || {
        loop {
            warn_of_learning(learner.learning().scope());
            loop {
                match reports.recv_timeout(LEARNING_REMINDER) {
                    Ok(()) => logging::write_raw(&learner.suggestion()),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    };
    let builder = std::thread::Builder::new().name("learning".to_owned());
    builder.spawn(run).map_err(|error| format!("cannot start the thread for learning: {error}"))?;
    Ok(report)
}

fn warn_of_learning(scope: Scope) {
    match scope {
        Scope::Reads => log::warn!(
            "learning: requests that only read pass although no rule allows them; SIGUSR1 prints \
             the list"
        ),
        Scope::All => log::warn!(
            "learning: every operation passes although no rule allows it, so the clients are root \
             on the host meanwhile; SIGUSR1 prints the list"
        ),
    }
}

fn start_watchers(
    config: &Config,
    stop: Sender<StopReason>,
    notifier: Notifier,
) -> Result<(), String> {
    if config.serve_health {
        HealthListener::bind(&config.socket_path)
            .and_then(HealthListener::serve)
            .map_err(|error| format!("cannot serve the health check: {error}"))?;
        log::debug!("healthcheck ready");
    }
    let watchdog = Watchdog {
        socket: config.socket_path.clone(),
        interval: config.watchdog_interval,
        stop: config.stop_on_watchdog.then_some(stop),
        notifier,
    };
    let thread = watchdog.start().map_err(|error| format!("cannot start the watchdog: {error}"))?;
    if thread.is_some() {
        log::debug!("watchdog running");
    }
    Ok(())
}
