//! Runs one case between a raw client and the recording daemon, and judges it.
//!
//! For every case, it is checked that a daemon connection carries
//! at most one request, exactly framed and with nothing after it; that `/smuggled`
//! is never among them; that our own refusals are JSON that names a reason; and
//! that the next client is served.

use super::cases::{Case, Expect, Outcome};
use super::raw_client::{Answer, Delivery, End, RawClient, Wait};
use super::recording_daemon::{Connection, EARLY, RecordingDaemon, SERVED};
use super::strict::{Request, Response, show};
use std::net::{Shutdown, SocketAddr};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

/// How long a head may take to come, as the cases' proxies are told.
pub(crate) const HEADER_TIMEOUT_SECONDS: u64 = 3;

/// How long a legal but unfinished body is watched for being left alone.
const LEFT_ALONE: Duration = Duration::from_millis(1500);

/// The subject of the test: a listener, and the daemon behind it.
pub(crate) struct Gate<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) daemon: &'a RecordingDaemon,
    /// How long to wait for an expected event.
    pub(crate) patience: Duration,
}

type Verdict = Result<(), String>;

/// Runs a case; the error is the first violation.
pub(crate) fn check(gate: &Gate, case: &Case, delivery: Delivery) -> Verdict {
    let delivery = if case.bytewise { Delivery::Bytewise } else { delivery };
    let endings: &[Ending] = match case.outcome.expect {
        Expect::Tunnel => &[Ending::Client, Ending::Daemon],
        _ => &[Ending::Client],
    };
    for ending in endings {
        let verdict = converse(gate, case, delivery, *ending);
        let records = gate.daemon.take()?;
        let context = |why: String| format!("{why}\n      daemon got: {}", describe(&records));
        let forwarded = verdict.map_err(context)?;
        check_records(case, &records, &forwarded, *ending).map_err(context)?;
    }
    serves_the_next_client(gate)
}

/// Which end of a tunnel closes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Client,
    Daemon,
}

/// Conclusions from the client's side about the requests at the daemon.
#[derive(Debug, Default)]
struct Told<'a> {
    forwarded: Vec<&'a Outcome>,
    served: usize,
}

/// The client's side of a case.
fn converse<'a>(
    gate: &Gate,
    case: &'a Case,
    delivery: Delivery,
    ending: Ending,
) -> Result<Told<'a>, String> {
    let mut client = RawClient::connect(gate.address);
    let mut sender = client.sender();
    let message = [&case.request[..], &case.early[..]].concat();
    std::thread::scope(|scope| {
        let sending = scope.spawn(move || {
            sender.deliver(&message, delivery);
            if case.half_close {
                sender.fin();
            }
        });
        let sending = Some(sending);
        let told = Told::default();
        let patience = gate.patience;
        let told =
            Conversation { client: &mut client, sending, case, ending, patience, told }.run();
        // In any case, the sender must not be left waiting.
        let _ = client.stream().shutdown(Shutdown::Both);
        told
    })
}

struct Conversation<'a, 'b, 'scope> {
    client: &'b mut RawClient,
    sending: Option<ScopedJoinHandle<'scope, ()>>,
    case: &'a Case,
    ending: Ending,
    patience: Duration,
    told: Told<'a>,
}

impl<'a> Conversation<'a, '_, '_> {
    fn run(mut self) -> Result<Told<'a>, String> {
        let method = self.case.method();
        let mut open = self.step(&self.case.outcome, &method)?;
        for outcome in &self.case.then {
            if !open && matches!(outcome.expect, Expect::Nothing | Expect::Silence) {
                break;
            }
            if !open {
                return Err(format!("closed before {:?}", outcome.expect));
            }
            let method = outcome.forwarded.method.as_deref().unwrap_or("GET");
            open = self.step(outcome, method)?;
        }
        if open {
            self.fin();
            let (rest, _) = self.client.drain(self.patience)?;
            if !rest.is_empty() {
                return Err(format!("more than was owed: {}", show(&rest)));
            }
        }
        Ok(self.told)
    }

    /// Awaits one outcome; whether the connection may still be open.
    fn step(&mut self, outcome: &'a Outcome, method: &str) -> Result<bool, String> {
        match outcome.expect {
            Expect::Forward => self.forward(outcome, method),
            Expect::Reject => self.reject(outcome, method),
            Expect::Deny => self.deny(outcome, method),
            Expect::Moved => self.moved(outcome, method),
            Expect::Either => self.either(outcome, method),
            Expect::Abort => self.abort(),
            Expect::Tunnel => self.tunnel(outcome, method),
            Expect::Early => self.early(outcome, method),
            Expect::Pipeline => self.pipeline(method),
            Expect::Nothing => self.nothing(),
            Expect::Silence => self.silence(),
        }
    }

    fn forward(&mut self, outcome: &'a Outcome, method: &str) -> Result<bool, String> {
        match self.client.answer(method, self.patience)? {
            Wait::Answer(answer) => self.forwarded(outcome, method, &answer),
            other => Err(format!("no answer: {}", waited(&other))),
        }
    }

    fn forwarded(
        &mut self,
        outcome: &'a Outcome,
        method: &str,
        answer: &Answer,
    ) -> Result<bool, String> {
        is_served(&answer.response, method)?;
        self.told.forwarded.push(outcome);
        self.told.served += 1;
        self.may_go_on(outcome, answer)
    }

    /// Whether another response may follow, according to this one.
    fn may_go_on(&mut self, outcome: &Outcome, answer: &Answer) -> Result<bool, String> {
        match (closes(&answer.response), outcome.closes) {
            (open_or_closed, false) => Ok(!open_or_closed),
            (false, true) => Err("the answer does not announce the close".to_owned()),
            (true, true) => match self.client.drain(self.patience)? {
                (rest, End::Fin) if rest.is_empty() => Ok(false),
                (rest, end) => Err(format!("after the answer: {end:?} {}", show(&rest))),
            },
        }
    }

    /// The redirect of the Engine, to the last letter.
    fn moved(&mut self, outcome: &Outcome, method: &str) -> Result<bool, String> {
        match self.client.answer(method, self.patience)? {
            Wait::Answer(answer) => {
                let response = &answer.response;
                let as_engine = response.status == 301
                    && response.field("Location") == outcome.location.as_deref()
                    && response.field("Content-Type").is_none()
                    && response.body.is_empty()
                    && answer.interim.is_empty();
                if !as_engine {
                    return Err(format!("not the redirect: {response:?}"));
                }
                self.may_go_on(outcome, &answer)
            }
            other => Err(format!("no redirect: {}", waited(&other))),
        }
    }

    fn reject(&mut self, outcome: &Outcome, method: &str) -> Result<bool, String> {
        let patience = self.patience + Duration::from_secs(HEADER_TIMEOUT_SECONDS);
        match self.client.answer(method, patience)? {
            Wait::Answer(answer) => self.rejected(outcome, method, &answer),
            // A client that disconnected, or sent no request, needs no response.
            Wait::Ended(End::Fin, partial) if partial.is_empty() && self.gave_up() => Ok(false),
            other => Err(format!("no refusal: {}", waited(&other))),
        }
    }

    fn rejected(
        &mut self,
        outcome: &Outcome,
        method: &str,
        answer: &Answer,
    ) -> Result<bool, String> {
        self.is_refusal(outcome, method, answer)?;
        if !closes(&answer.response) {
            return Err("the refusal does not announce the close".to_owned());
        }
        match self.client.drain(self.patience)? {
            (rest, End::Fin) if rest.is_empty() => Ok(false),
            // HEAD: the judge could not know that a body would come.
            (_, End::Fin) if method == "HEAD" => Ok(false),
            (rest, end) => Err(format!("after the refusal: {end:?} {}", show(&rest))),
        }
    }

    fn deny(&mut self, outcome: &Outcome, method: &str) -> Result<bool, String> {
        match self.client.answer(method, self.patience)? {
            Wait::Answer(answer) => {
                self.is_refusal(outcome, method, &answer)?;
                if self.case.no_100 && !answer.interim.is_empty() {
                    return Err("a 100 for a denied request".to_owned());
                }
                self.may_go_on(outcome, &answer)
            }
            other => Err(format!("no denial: {}", waited(&other))),
        }
    }

    fn either(&mut self, outcome: &'a Outcome, method: &str) -> Result<bool, String> {
        match self.client.answer(method, self.patience)? {
            Wait::Answer(answer) if answer.response.status < 300 => {
                self.forwarded(outcome, method, &answer)
            }
            Wait::Answer(answer) if matches!(answer.response.status, 403 | 405) => {
                self.is_refusal(outcome, method, &answer)?;
                Ok(!closes(&answer.response))
            }
            Wait::Answer(answer) => self.rejected(outcome, method, &answer),
            other => Err(format!("no answer: {}", waited(&other))),
        }
    }

    fn abort(&mut self) -> Result<bool, String> {
        let patience = if self.case.incomplete { LEFT_ALONE } else { self.patience };
        match self.client.answer("POST", patience)? {
            Wait::Answer(answer) if answer.response.status < 400 => {
                Err(format!("{} for a broken body", answer.response.status))
            }
            Wait::Answer(_) => self.client.drain(self.patience).map(|_| false),
            Wait::Ended(_, partial) if partial.is_empty() => Ok(false),
            // The rest may yet come, for all the proxy knows: then it is the
            // client that gives up, and nothing may be left behind.
            Wait::Silence(partial) if partial.is_empty() && self.case.incomplete => {
                self.fin();
                self.client.drain(self.patience).map(|_| false)
            }
            other => Err(format!("not aborted: {}", waited(&other))),
        }
    }

    fn tunnel(&mut self, outcome: &'a Outcome, method: &str) -> Result<bool, String> {
        let response = match self.client.answer(method, self.patience)? {
            Wait::Answer(answer) => answer.response,
            other => return Err(format!("no 101: {}", waited(&other))),
        };
        let token = self.case.upgrade.as_deref();
        let upgraded = response.status == 101
            && response.field("Upgrade") == token
            && response.field("Connection").is_some_and(|v| v.eq_ignore_ascii_case("upgrade"));
        if !upgraded {
            return Err(format!("not a 101 for {token:?}: {response:?}"));
        }
        self.told.forwarded.push(outcome);
        self.client.expect_bytes(&self.case.early)?;
        self.client.send(b"ping");
        self.client.expect_bytes(b"ping")?;
        match self.ending {
            Ending::Client => self.client_ends_first(),
            Ending::Daemon => self.daemon_ends_first(),
        }
    }

    fn client_ends_first(&mut self) -> Result<bool, String> {
        self.fin();
        match self.client.drain(self.patience)? {
            (rest, End::Fin) if rest == b"bye" => Ok(false),
            (rest, end) => Err(format!("after the client's end: {end:?} {}", show(&rest))),
        }
    }

    fn daemon_ends_first(&mut self) -> Result<bool, String> {
        self.client.send(b"FIN!");
        match self.client.drain(self.patience)? {
            (rest, End::Fin) if rest == b"FIN!" => {}
            (rest, end) => return Err(format!("after the daemon's end: {end:?} {}", show(&rest))),
        }
        self.client.send(b"tail");
        Ok(false)
    }

    fn early(&mut self, outcome: &'a Outcome, method: &str) -> Result<bool, String> {
        match self.client.answer(method, self.patience)? {
            Wait::Answer(answer)
                if answer.response.status == 403 && answer.response.body == EARLY =>
            {
                self.told.forwarded.push(outcome);
                Ok(!closes(&answer.response))
            }
            other => Err(format!("not the daemon's early answer: {}", waited(&other))),
        }
    }

    fn pipeline(&mut self, method: &str) -> Result<bool, String> {
        self.fin();
        loop {
            match self.client.answer(method, self.patience)? {
                Wait::Answer(answer) if answer.response.status == 200 => {
                    is_served(&answer.response, method)?;
                    self.told.served += 1;
                }
                Wait::Answer(_) => {}
                Wait::Ended(End::Fin, partial) if partial.is_empty() => return Ok(false),
                other => return Err(format!("in the pipeline: {}", waited(&other))),
            }
        }
    }

    /// No answer is owed: there may be a refusal, or none.
    fn nothing(&mut self) -> Result<bool, String> {
        self.fin();
        loop {
            match self.client.answer("GET", self.patience)? {
                Wait::Answer(answer) if answer.response.status >= 400 => {}
                Wait::Ended(_, partial) if partial.is_empty() => return Ok(false),
                other => return Err(format!("nothing was owed: {}", waited(&other))),
            }
        }
    }

    fn silence(&mut self) -> Result<bool, String> {
        self.fin();
        match self.client.drain(self.patience)? {
            (rest, _) if rest.is_empty() => Ok(false),
            (rest, _) => Err(format!("not silent: {}", show(&rest))),
        }
    }

    fn is_refusal(&self, outcome: &Outcome, method: &str, answer: &Answer) -> Verdict {
        let status = answer.response.status;
        let allowed = outcome.status.is_empty() || outcome.status.contains(&status);
        if !(400..600).contains(&status) || !allowed {
            return Err(format!("status {status} for a refusal"));
        }
        let unread_body = method == "HEAD" && answer.response.body.is_empty();
        if unread_body { Ok(()) } else { speaks_json(&answer.response) }
    }

    /// Ends the client's direction once all of its bytes are sent.
    fn fin(&mut self) {
        if let Some(sending) = self.sending.take() {
            let _ = sending.join();
        }
        self.client.fin();
    }

    fn gave_up(&self) -> bool {
        self.case.half_close || self.case.incomplete
    }
}

/// The daemon's 200, whole.
fn is_served(response: &Response, method: &str) -> Verdict {
    let body: &[u8] = if method == "HEAD" { b"" } else { SERVED };
    if response.status == 200 && response.body == body {
        return Ok(());
    }
    Err(format!("not the daemon's 200: {} {}", response.status, show(&response.body)))
}

/// Our own refusals carry the message that Docker clients print, and nothing that
/// could move a terminal's cursor.
pub(crate) fn speaks_json(response: &Response) -> Verdict {
    let json: serde_json::Value = serde_json::from_slice(&response.body)
        .map_err(|_| format!("a refusal without JSON: {}", show(&response.body)))?;
    let message = json["message"].as_str().unwrap_or_default();
    let printable = !message.is_empty() && !message.chars().any(char::is_control);
    let typed = response.field("Content-Type") == Some("application/json");
    let allow = response.status != 405 || response.field("Allow").is_some();
    if printable && typed && allow {
        Ok(())
    } else {
        Err(format!("a refusal of another form: {response:?}"))
    }
}

fn closes(response: &Response) -> bool {
    response.field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

/// The daemon's side of a case.
fn check_records(case: &Case, records: &[Connection], told: &Told, ending: Ending) -> Verdict {
    for record in records {
        if let Some(violation) = &record.violation {
            return Err(format!("at the daemon: {violation}"));
        }
        if record.request.as_ref().is_some_and(|request| request.path() == b"/smuggled") {
            return Err("the smuggled request reached the daemon".to_owned());
        }
    }
    match case.outcome.expect {
        Expect::Abort => no_complete_request(records),
        Expect::Pipeline => as_many_as_served(records, told),
        Expect::Early => one_request_begun(records),
        // Chunks are judged on arrival: a request with a bad one may have been sent in part.
        Expect::Either if told.forwarded.is_empty() && is_judged_in_body(case) => {
            no_complete_request(records)
        }
        _ => exactly_the_forwarded(case, records, told, ending),
    }
}

fn is_judged_in_body(case: &Case) -> bool {
    matches!(case.category.as_str(), "chunked" | "trailer")
}

fn no_complete_request(records: &[Connection]) -> Verdict {
    let complete = records.iter().filter(|record| record.request.is_some()).count();
    match (complete, records.len()) {
        (0, 0 | 1) => Ok(()),
        _ => Err("a broken body became a complete request".to_owned()),
    }
}

fn as_many_as_served(records: &[Connection], told: &Told) -> Verdict {
    let complete = records.iter().filter(|record| record.request.is_some()).count();
    if complete == told.served && complete == records.len() {
        return Ok(());
    }
    Err(format!("{} connections, {complete} requests, {} answers", records.len(), told.served))
}

fn one_request_begun(records: &[Connection]) -> Verdict {
    if records.len() == 1 { Ok(()) } else { Err(format!("{} daemon connections", records.len())) }
}

fn exactly_the_forwarded(
    case: &Case,
    records: &[Connection],
    told: &Told,
    ending: Ending,
) -> Verdict {
    if records.len() != told.forwarded.len() {
        return Err(format!("{} forwarded, {} connections", told.forwarded.len(), records.len()));
    }
    for (record, outcome) in records.iter().zip(&told.forwarded) {
        let request = record.request.as_ref().ok_or("an incomplete request")?;
        check_request(outcome, request)?;
        if outcome.expect == Expect::Tunnel {
            check_tunnelled(case, record, ending)?;
        }
    }
    match (records.first(), told.forwarded.first()) {
        (Some(record), Some(_)) => check_fields(case, record),
        _ => Ok(()),
    }
}

fn check_request(outcome: &Outcome, request: &Request) -> Verdict {
    let wanted = &outcome.forwarded;
    let query = request.query().filter(|query| !query.is_empty());
    let same = wanted.method.as_deref() == Some(request.method.as_str())
        && wanted.path.as_ref() == Some(&request.path())
        && wanted.query.as_deref().filter(|query| !query.is_empty()) == query
        && wanted.body.as_deref().unwrap_or_default() == request.body;
    if same { Ok(()) } else { Err(format!("another request was forwarded: {request:?}")) }
}

fn check_fields(case: &Case, record: &Connection) -> Verdict {
    let Some(request) = &record.request else { return Ok(()) };
    if let Some(name) = case.upstream_absent.iter().find(|name| request.field(name).is_some()) {
        return Err(format!("{name} was forwarded"));
    }
    let lost = case.upstream_has.iter().find(|(n, value)| request.field(n) != Some(value));
    if let Some((name, _)) = lost {
        return Err(format!("{name} was forwarded as {:?}", request.field(name)));
    }
    let token = request.field("Upgrade");
    if token.is_some() && token != case.upgrade.as_deref() {
        return Err(format!("Upgrade {token:?} was forwarded"));
    }
    Ok(())
}

fn check_tunnelled(case: &Case, record: &Connection, ending: Ending) -> Verdict {
    let end: &[u8] = if ending == Ending::Daemon { b"FIN!tail" } else { b"" };
    let wanted = [&case.early[..], b"ping", end].concat();
    if record.tunnel == wanted {
        return Ok(());
    }
    Err(format!("through the tunnel came {}", show(&record.tunnel)))
}

/// A plain request on a new connection, to see that the proxy is well.
fn serves_the_next_client(gate: &Gate) -> Verdict {
    let mut client = RawClient::connect(gate.address);
    client.send(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    let next = match client.answer("GET", gate.patience)? {
        Wait::Answer(answer) => is_served(&answer.response, "GET"),
        other => Err(waited(&other)),
    };
    drop(client);
    next.map_err(|why| format!("the next client: {why}"))?;
    let records = gate.daemon.take()?;
    match records.as_slice() {
        [Connection { request: Some(request), violation: None, .. }]
            if request.target == "/_ping" =>
        {
            Ok(())
        }
        _ => Err(format!("with the next client came {}", describe(&records))),
    }
}

pub(crate) fn waited(wait: &Wait) -> String {
    match wait {
        Wait::Answer(answer) => {
            format!("{} {}", answer.response.status, show(&answer.response.body))
        }
        Wait::Ended(end, bytes) => format!("{end:?} after {}", show(bytes)),
        Wait::Silence(bytes) => format!("silence after {}", show(bytes)),
    }
}

fn describe(records: &[Connection]) -> String {
    let shown: Vec<_> = records.iter().map(|record| show(&record.bytes)).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(" and ") }
}
