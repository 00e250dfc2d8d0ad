//! One exchange on a fresh daemon connection: request, response, reuse or close.

use super::memory::{BYTES_PER_CLIENT_MAX, Hold, Part, UsedUp, bytes_to_judge};
use super::{After, CloseReason, Session};
use crate::filter::Permit;
use crate::filter::targets::{AnswerError, Treated};
use crate::http1::{
    self, Asked, BodyReader, Encoding, FieldStorage, INTERIM_RESPONSES_MAX, Method, RequestBody,
    Response, ResponseBody, Takeover, Version,
};
use crate::metrics::Answerer;
use crate::outcome::{Outcome, Received, Refusal};
use crate::relay::socket::Socket;
use crate::relay::{Direction, Fault, Flow, Relay};

/// The properties of a response that decide about the rest of its exchange.
struct Answered {
    status: u16,
    body: ResponseBody,
    encoding: Encoding,
    /// The end that the head has announced to the client.
    after: After,
    ends_at_close: bool,
    /// The head of an answer that must be treated before anything of it is printed.
    untreated: Option<Vec<u8>>,
}

/// Sends a permitted request to `daemon` and relays the rest of the exchange.
pub(super) fn run(session: &mut Session<'_>, permit: &Permit<'_>, daemon: &Socket) -> After {
    let client = &session.connection.socket;
    let stopping = session.is_stopping();
    let relay = begin(client, daemon, session.buffers, permit);
    let mut relay = relay.within(session.connection.width, &session.shared.memory.stalls);
    let ended = relay_exchange(&mut relay, permit, stopping, &mut session.hold);
    let outcome = Outcome {
        status: ended.status,
        bytes_up: relay.upload.body_bytes,
        bytes_down: relay.download.body_bytes,
        duration: session.started.elapsed(),
        closed: match ended.after {
            After::Reuse => None,
            After::Close(reason) | After::Cut(reason) => Some(reason.explain()),
        },
    };
    drop(relay);
    outcome.log(permit, &session.connection.client);
    if let Some(counters) = session.counters {
        let by = if ended.refusal.is_some() { Answerer::Proxy } else { Answerer::Daemon };
        counters.count_exchange(permit, session.judgement(permit), &outcome, by);
    }
    session.buffers.end_exchange();
    let asked = Received::Request(permit.request());
    match (ended.refusal, ended.after) {
        (Some(refusal), _) => session.end_with(&refusal, asked),
        // A response, or a 100, has begun: there is nothing to answer.
        (None, After::Cut(CloseReason::Stalled) | After::Close(CloseReason::Stalled)) => {
            Refusal::Stalled.log(asked, &session.sender());
        }
        (None, _) => {}
    }
    ended.after
}

/// How an exchange went.
struct Ended {
    after: After,
    status: Option<u16>,
    /// The answer where the daemon's response could not be passed on.
    refusal: Option<Refusal>,
}

fn begin<'a>(
    client: &'a Socket,
    daemon: &'a Socket,
    buffers: &'a mut crate::relay::Buffers,
    permit: &Permit<'_>,
) -> Relay<'a> {
    let body = permit.body_to_relay();
    buffers.daemon.clear();
    buffers.upload_prefix.clear();
    buffers.download_prefix.clear();
    permit.print(&mut buffers.upload_prefix);
    if permit.request().expects_continue()
        && body != RequestBody::Empty
        && buffers.client.is_empty()
    {
        buffers.download_prefix.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let encoding = if body == RequestBody::Chunked { Encoding::Chunked } else { Encoding::Plain };
    let upload = Flow::new(
        Direction::Upload,
        (client, daemon),
        (&mut buffers.client, &mut buffers.upload_prefix),
        (BodyReader::from(body), encoding),
    );
    let download = Flow::new(
        Direction::Download,
        (daemon, client),
        (&mut buffers.daemon, &mut buffers.download_prefix),
        (BodyReader::Done, Encoding::Plain),
    );
    Relay::new(client, daemon, upload, download)
}

fn relay_exchange(
    relay: &mut Relay<'_>,
    permit: &Permit<'_>,
    stopping: bool,
    hold: &mut Hold<'_>,
) -> Ended {
    let answered = match await_final_head(relay, permit, stopping) {
        Ok(answered) => answered,
        Err(fault) => return unanswered(relay, &fault),
    };
    if let Some(head) = &answered.untreated {
        match treat(relay, permit, (head, &answered), hold) {
            Ok(()) => {}
            Err(Untreated::Fault(fault)) => return unanswered(relay, &fault),
            Err(Untreated::Refused(refusal)) => {
                let status = Some(refusal.status());
                let after = After::Close(CloseReason::from(&refusal));
                return Ended { after, status, refusal: Some(refusal) };
            }
        }
    }
    let status = Some(answered.status);
    let is_raw = answered.ends_at_close && permit.request().version() == Version::Http11;
    let moved = match answered.body {
        ResponseBody::Tunnel => relay.tunnel(),
        _ => relay.pump(),
    };
    let after = match moved {
        // The beginning of the body came with the head, which waits for it.
        Err(fault @ Fault::Framing(Direction::Download, _)) if relay.download.is_unsent() => {
            relay.download.abandon();
            return unanswered(relay, &fault);
        }
        Err(fault) => {
            // Data that a slow reader leaves would stay in the kernel after a plain
            // close.
            if answered.ends_at_close || matches!(fault, Fault::Stalled) {
                relay.reset_client_on_close();
            }
            After::Cut(CloseReason::from(&fault))
        }
        Ok(()) if answered.body == ResponseBody::Tunnel => After::Close(CloseReason::TunnelEnded),
        Ok(()) if !relay.upload.is_received() => After::Close(CloseReason::UploadUnfinished),
        Ok(()) if is_raw => After::Close(CloseReason::RawStreamEnded),
        Ok(()) => answered.after,
    };
    Ended { after, status, refusal: None }
}

/// Waits for the final response's head and prints it for the client.
fn await_final_head(
    relay: &mut Relay<'_>,
    permit: &Permit<'_>,
    stopping: bool,
) -> Result<Answered, Fault> {
    for _ in 0..=INTERIM_RESPONSES_MAX {
        let head_bytes = relay.await_head()?;
        let answered = print_final_head(relay, head_bytes, permit, stopping)?;
        relay.download.buffer.consume(head_bytes);
        if let Some(answered) = answered {
            if answered.untreated.is_none() {
                relay.download.begin(BodyReader::from(answered.body), answered.encoding);
            }
            return Ok(answered);
        }
    }
    Err(Fault::Framing(Direction::Download, http1::Error::Interim))
}

/// `None` for an interim response, which is not printed. A function of its own, so
/// that its room for fields is not held while bodies are relayed.
#[inline(never)]
fn print_final_head(
    relay: &mut Relay<'_>,
    head_bytes: usize,
    permit: &Permit<'_>,
    stopping: bool,
) -> Result<Option<Answered>, Fault> {
    let request = permit.request();
    let asked = Asked { head: request.method() == Method::Head, takeover: request.takeover() };
    let head = relay.download.buffer.filled().get(..head_bytes).unwrap_or_default();
    let mut storage = FieldStorage::new();
    let response = Response::parse(head, asked, &mut storage)
        .map_err(|error| Fault::Framing(Direction::Download, error))?;
    if response.is_interim() {
        return Ok(None);
    }
    let version = request.version();
    let must_treat = permit.treatment().concerns(response.status())
        && !matches!(response.body(), ResponseBody::Tunnel | ResponseBody::Empty { .. });
    let ends_at_close = response.ends_at_close(version) && !must_treat;
    let body_ends = !ends_at_close && response.body() != ResponseBody::Tunnel;
    let after = if request.has_bare_lf() {
        After::Close(CloseReason::BareLf)
    } else if !request.keeps_alive() || !body_ends {
        After::Close(CloseReason::Asked)
    } else if stopping {
        After::Close(CloseReason::Stopping)
    } else {
        finish_upload(&mut relay.upload)?
    };
    if !must_treat {
        response.print(version, after == After::Reuse, relay.download.prefix);
    }
    Ok(Some(Answered {
        status: response.status(),
        body: response.body(),
        encoding: response.encoding(version),
        after,
        ends_at_close,
        untreated: must_treat.then(|| head.to_vec()),
    }))
}

/// Why an answer was not treated; nothing of it is printed.
enum Untreated {
    Fault(Fault),
    Refused(Refusal),
}

/// Receives an answer whole, treats it, and prints the result for the client.
#[inline(never)]
fn treat(
    relay: &mut Relay<'_>,
    permit: &Permit<'_>,
    (head, answered): (&[u8], &Answered),
    hold: &mut Hold<'_>,
) -> Result<(), Untreated> {
    let asked = Asked { head: false, takeover: Takeover::Never };
    let mut storage = FieldStorage::new();
    let response = Response::parse(head, asked, &mut storage)
        .map_err(|error| Untreated::Fault(Fault::Framing(Direction::Download, error)))?;
    let is_plain = |value: &[u8]| value.eq_ignore_ascii_case(b"identity");
    if !response.field_values("content-encoding").all(is_plain) {
        return Err(Untreated::Refused(Refusal::Answer(AnswerError::Compressed)));
    }
    let body = collect(relay, answered.body, hold)?;
    hold_answer(hold, bytes_to_judge(&body)).map_err(Untreated::Refused)?;
    let treated = permit.treatment().apply(answered.status, body);
    let keep_alive = answered.after == After::Reuse;
    let out = &mut relay.download.prefix;
    match treated.map_err(|error| Untreated::Refused(Refusal::Answer(error)))? {
        Treated::Body(body) => {
            response.print_for_body(body.len(), keep_alive, out);
            out.extend_from_slice(&body);
        }
        Treated::Instead(reply) => reply.print(false, permit.request().version(), keep_alive, out),
    }
    // Only the print is left. That is less, so it is granted.
    let _ = hold.set(Part::Answer, out.capacity());
    relay.download.begin(BodyReader::Done, Encoding::Plain);
    Ok(())
}

/// Holds the memory that an answer may take.
fn hold_answer(hold: &mut Hold<'_>, bytes: usize) -> Result<(), Refusal> {
    if bytes > BYTES_PER_CLIENT_MAX {
        return Err(Refusal::Answer(AnswerError::TooLarge));
    }
    hold.set(Part::Answer, bytes).map_err(|UsedUp| Refusal::NoMemory)
}

fn collect(
    relay: &mut Relay<'_>,
    body: ResponseBody,
    hold: &mut Hold<'_>,
) -> Result<Vec<u8>, Untreated> {
    let grow = |bytes: usize| hold_answer(hold, bytes.saturating_mul(2));
    match relay.collect(BodyReader::from(body), grow) {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(refusal)) => Err(Untreated::Refused(refusal)),
        Err(fault) => Err(Untreated::Fault(fault)),
    }
}

/// Whether the client's connection can carry another request after an answer that
/// may have come before the end of the request's body. Decided before the head is
/// printed, as Go's server does: a promise that is broken fails the next request.
fn finish_upload(upload: &mut Flow<'_>) -> Result<After, Fault> {
    upload.finish_upload()?;
    Ok(if upload.is_received() { After::Reuse } else { After::Close(CloseReason::UploadLate) })
}

/// The outcome of an exchange that ended before a response could be printed.
fn unanswered(relay: &Relay<'_>, fault: &Fault) -> Ended {
    let daemon = |cause: String| Some(Refusal::Daemon(cause));
    let refusal = match fault {
        Fault::Framing(Direction::Upload, error) => Some(Refusal::BodyFraming(*error)),
        Fault::Framing(Direction::Download, error) => {
            daemon(format!("the daemon's response is invalid: {error}"))
        }
        Fault::Daemon(_) | Fault::Truncated(Direction::Download) => {
            daemon("the daemon closed the connection without a response".to_owned())
        }
        Fault::Stalled => Some(Refusal::Stalled),
        Fault::Client(_) | Fault::ClientGone | Fault::Truncated(Direction::Upload) => None,
    };
    // The rest of a 100 would end up inside the response.
    let refusal = refusal.filter(|_| relay.download.prefix.is_empty());
    let status = refusal.as_ref().map(Refusal::status);
    Ended { after: After::Close(CloseReason::from(fault)), status, refusal }
}
