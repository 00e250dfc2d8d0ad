//! The log: one line for each event on standard output, as logfmt or JSON.
//!
//! ```text
//! time=2026-01-02T15:04:05.000Z level=WARN msg="blocked request" method=GET client=10.0.0.2
//! {"time":"2026-01-02T15:04:05.000Z","level":"WARN","msg":"blocked request","method":"GET",…}
//! ```
//!
//! The form is that of Go's `log/slog` with its text and JSON handlers, because
//! people have alerts on the lines of the program that this one replaces.
//!
//! **Invariant:** one event is one line. Nothing that a client sends can end a
//! line, start a key, or reach a terminal as a control: see `escape`.
//! **Invariant:** a thread that logs never waits for standard output: see `queue`.
//!
//! A key whose value is null is left out. A failure to write to standard output is
//! ignored: the proxy goes on. A panic is a line too, where standard error could
//! hold up the thread that panics. There is no filter but the level, and `RUST_LOG`
//! is not read: one program, one way to set it up.

mod escape;
mod journal;
mod queue;
mod start;
mod timestamp;

pub use start::announce;

use crate::config::LogConfig;
use crate::text;
use env_logger::{Builder, Target};
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};
use queue::Queue;
use std::fmt::Display;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use timestamp::Timestamp;

/// Longest value of a line; those of requests are cut earlier, by the code that
/// logs them. Docker splits lines at 16 KiB.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// How long the end of the program after a panic waits for its line.
const PANIC_FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The queue of the program's log.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Makes this the program's log. A second call changes nothing.
pub fn init(config: LogConfig) {
    let dropped_line = if config.json { dropped_json } else { dropped_text };
    let target = match Queue::start(dropped_line) {
        Ok(queue) => {
            let _ = QUEUE.set(queue);
            Target::Pipe(Box::new(Output))
        }
        // Without a thread the log may wait for its reader.
        Err(_) => Target::Stdout,
    };
    // The only error is that a logger is set up already, which is fine.
    builder(config, target).try_init().unwrap_or_default();
    std::panic::set_hook(Box::new(log_panic));
}

/// Waits until all lines are written, but not longer than the limit.
pub fn finish(limit: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.finish(limit);
    }
}

/// Writes to standard output, behind the lines that were logged before.
pub fn write_raw(text: &str) {
    Output.write_all(text.as_bytes()).unwrap_or_default();
}

/// The way to the queue.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match QUEUE.get() {
            Some(queue) => queue.push(bytes),
            None => io::stdout().lock().write_all(bytes)?,
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic of the main thread is the program's end.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    log::error!(thread = name, panic:% = panic; "a thread panicked");
    if name == "main" {
        finish(PANIC_FLUSH_LIMIT);
    }
}

fn dropped_text(lines: u64) -> Vec<u8> {
    dropped(lines, text_line)
}

fn dropped_json(lines: u64) -> Vec<u8> {
    dropped(lines, json_line)
}

fn dropped(lines: u64, print: impl Fn(Timestamp, &Record<'_>) -> String) -> Vec<u8> {
    let pairs: &[(&str, Value<'_>)] = &[("lines", lines.into())];
    let mut record = Record::builder();
    record.level(Level::Warn).key_values(&pairs);
    let args = format_args!("log lines dropped: standard output was not read");
    let line = print(Timestamp::now(), &record.args(args).build());
    ended(Level::Warn, line, journal::is_journal(io::stdout())).into_bytes()
}

/// The line with its end, and with the journal's priority if there is one.
fn ended(level: Level, mut line: String, has_priority: bool) -> String {
    if has_priority {
        return journal::with_priority(level, &line);
    }
    line.push('\n');
    line
}

/// An error from before the log is set up, as it would log it in text.
#[must_use]
pub fn error_line(message: &str) -> String {
    let record = |args| Record::builder().level(Level::Error).args(args).build();
    text_line(Timestamp::now(), &record(format_args!("{message}")))
}

/// A message for standard error, of one line or more, with priorities if that is
/// systemd's journal.
#[must_use]
pub fn for_stderr(message: &str) -> String {
    if journal::is_journal(io::stderr()) {
        journal::with_priority(Level::Error, message)
    } else {
        format!("{message}\n")
    }
}

/// One line of text in the form of Go's `slog.TextHandler`, without its end.
#[must_use]
pub fn text_line(time: impl Display, record: &Record<'_>) -> String {
    let mut line = TextLine(format!("time={time} level={}", level_name(record.level())));
    line.pair("msg", &record.args().to_string());
    // The visitor never fails.
    record.key_values().visit(&mut line).unwrap_or_default();
    line.0
}

/// One line of JSON in the form of Go's `slog.JSONHandler`, without its end.
#[must_use]
pub fn json_line(time: impl Display, record: &Record<'_>) -> String {
    let level = level_name(record.level());
    let mut line = JsonLine(format!("{{\"time\":\"{time}\",\"level\":\"{level}\""));
    let message = record.args().to_string();
    line.pair("msg", &escape::json(&text::cut(&message, VALUE_BYTES_MAX)));
    // The visitor never fails.
    record.key_values().visit(&mut line).unwrap_or_default();
    line.0.push('}');
    line.0
}

fn builder(config: LogConfig, target: Target) -> Builder {
    let mut builder = Builder::new();
    let has_priorities = journal::is_journal(io::stdout());
    builder.filter_level(config.level).target(target).format(move |buffer, record| {
        let time = Timestamp::now();
        let line = if config.json { json_line(time, record) } else { text_line(time, record) };
        buffer.write_all(ended(record.level(), line, has_priorities).as_bytes())
    });
    builder
}

/// Go's names. It has none for levels below DEBUG.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}

struct TextLine(String);

impl TextLine {
    fn pair(&mut self, key: &str, value: &str) {
        self.0.push(' ');
        self.0.push_str(&escape::text(key));
        self.0.push('=');
        self.0.push_str(&escape::text(&text::cut(value, VALUE_BYTES_MAX)));
    }
}

impl<'kvs> VisitSource<'kvs> for TextLine {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if !is_null(&value) {
            self.pair(key.as_str(), &value.to_string());
        }
        Ok(())
    }
}

struct JsonLine(String);

impl JsonLine {
    fn pair(&mut self, key: &str, json: &str) {
        self.0.push(',');
        self.0.push_str(&escape::json(key));
        self.0.push(':');
        self.0.push_str(json);
    }
}

impl<'kvs> VisitSource<'kvs> for JsonLine {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut json = JsonValue(None);
        value.visit(&mut json)?;
        if let Some(json) = json.0 {
            self.pair(key.as_str(), &json);
        }
        Ok(())
    }
}

/// A value as JSON; nothing if it is null.
struct JsonValue(Option<String>);

impl<'v> VisitValue<'v> for JsonValue {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.visit_str(&value.to_string())
    }
    fn visit_null(&mut self) -> Result<(), Error> {
        self.0 = None;
        Ok(())
    }
    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        self.0 = Some(escape::json(&text::cut(value, VALUE_BYTES_MAX)));
        Ok(())
    }
    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.0 = Some(value.to_string());
        Ok(())
    }
    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.0 = Some(value.to_string());
        Ok(())
    }
    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.0 = Some(value.to_string());
        Ok(())
    }
    fn visit_u128(&mut self, value: u128) -> Result<(), Error> {
        self.0 = Some(value.to_string());
        Ok(())
    }
    fn visit_i128(&mut self, value: i128) -> Result<(), Error> {
        self.0 = Some(value.to_string());
        Ok(())
    }
    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        // JSON has no infinities and no NaN (RFC 8259 §6).
        let number = value.to_string();
        self.0 = Some(if value.is_finite() { number } else { escape::json(&number) });
        Ok(())
    }
}

fn is_null(value: &Value<'_>) -> bool {
    let mut json = JsonValue(None);
    value.visit(&mut json).is_ok() && json.0.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::{LevelFilter, Log};
    use std::sync::mpsc::{Sender, channel};

    const TIME: &str = "2026-01-02T15:04:05.000Z";

    fn check(level: Level, message: &str, pairs: &[(&str, Value<'_>)], text: &str, json: &str) {
        let args = format_args!("{message}").to_string();
        let args = format_args!("{args}");
        let record = Record::builder().level(level).args(args).key_values(&pairs).build();
        assert_eq!(text_line(TIME, &record), format!("time={TIME} {text}"));
        let line = json_line(TIME, &record);
        assert_eq!(line, format!("{{\"time\":\"{TIME}\",{json}}}"));
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["msg"], message);
    }

    #[test]
    fn lines_have_the_form_of_go_slog() {
        check(
            Level::Info,
            "socket-proxy running and listening...",
            &[],
            r#"level=INFO msg="socket-proxy running and listening...""#,
            r#""level":"INFO","msg":"socket-proxy running and listening...""#,
        );
        check(
            Level::Warn,
            "blocked request",
            &[
                ("reason", "path not allowed".into()),
                ("method", "GET".into()),
                ("URL", r"/v1.41/info?a=b".into()),
                ("response", 403_u16.into()),
            ],
            r#"level=WARN msg="blocked request" reason="path not allowed" method=GET URL="/v1.41/info?a=b" response=403"#,
            r#""level":"WARN","msg":"blocked request","reason":"path not allowed","method":"GET","URL":"/v1.41/info?a=b","response":403"#,
        );
    }

    #[test]
    fn numbers_and_booleans_stay_what_they_are() {
        check(
            Level::Error,
            "m",
            &[
                ("a", u64::MAX.into()),
                ("b", (-1_i64).into()),
                ("c", true.into()),
                ("d", 1.5.into()),
                ("e", u128::MAX.into()),
                ("f", f64::NAN.into()),
                ("g", "1".into()),
                ("h", 'x'.into()),
            ],
            "level=ERROR msg=m a=18446744073709551615 b=-1 c=true d=1.5 \
             e=340282366920938463463374607431768211455 f=NaN g=1 h=x",
            "\"level\":\"ERROR\",\"msg\":\"m\",\"a\":18446744073709551615,\"b\":-1,\"c\":true,\
             \"d\":1.5,\"e\":340282366920938463463374607431768211455,\"f\":\"NaN\",\"g\":\"1\",\
             \"h\":\"x\"",
        );
    }

    #[test]
    fn null_values_are_left_out() {
        check(
            Level::Debug,
            "m",
            &[("a", Value::null()), ("b", 1.into())],
            "level=DEBUG msg=m b=1",
            r#""level":"DEBUG","msg":"m","b":1"#,
        );
    }

    #[test]
    fn nothing_forges_a_line_a_key_or_a_message() {
        check(
            Level::Warn,
            "evil\nlevel=ERROR",
            &[
                ("URL", "/a\" client=1.2.3.4 x=\"".into()),
                ("b", "\r\n{\"level\":\"ERROR\"}\u{1b}[2J".into()),
                ("key with=\n", "\u{202e}".into()),
            ],
            r#"level=WARN msg="evil\nlevel=ERROR" URL="/a\" client=1.2.3.4 x=\"" b="\r\n{\"level\":\"ERROR\"}\x1b[2J" "key with=\n"="\u202e""#,
            r#""level":"WARN","msg":"evil\nlevel=ERROR","URL":"/a\" client=1.2.3.4 x=\"","b":"\r\n{\"level\":\"ERROR\"}\u001b[2J","key with=\n":"\u202e""#,
        );
    }

    /// Sends the bytes of each single call of `write`.
    struct Pieces(Sender<String>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn logger(json: bool, output: impl Write + Send + 'static) -> env_logger::Logger {
        log::set_max_level(LevelFilter::Trace);
        let config = LogConfig { level: LevelFilter::Info, json };
        builder(config, Target::Pipe(Box::new(output))).build()
    }

    #[test]
    fn every_event_of_its_level_is_written_at_once_with_its_time() {
        for json in [false, true] {
            let (sender, pieces) = channel();
            let logger = logger(json, Pieces(sender));
            log::info!(logger: logger, a = 1; "one");
            log::debug!(logger: logger, "never");
            log::error!(logger: logger, "two");
            drop(logger);
            let lines: Vec<String> = pieces.iter().collect();
            assert_eq!(lines.len(), 2, "{lines:?}");
            for line in lines {
                assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
                let start = if json { "{\"time\":\"" } else { "time=" };
                let time = line.strip_prefix(start).and_then(|rest| rest.get(..24)).unwrap();
                let shape: String =
                    time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
                assert_eq!(shape, "0000-00-00T00:00:00.000Z");
            }
        }
    }

    #[test]
    fn a_closed_output_does_not_stop_the_program() {
        let logger = logger(false, Broken);
        log::error!(logger: logger, "nobody reads this");
        logger.flush();
    }
}
