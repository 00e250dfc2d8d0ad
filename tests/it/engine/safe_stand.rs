//! An Engine with a proxy before it that has `-safecreate`, and many bodies that are
//! sent through it.

use super::api::{Answer, Api};
use super::routes::Client;
use super::safe_bodies::{Field, Kind, TWISTS, Twist, body, fields};
use super::safe_inside::{REPORT, Report};
use crate::support::engine::Engine;
use crate::support::proxy::{Listen, Proxy};
use crate::support::random::Random;
use crate::support::scratch::unique;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::{Duration, Instant};

const FLAGS: &[&str] = &["-safecreate", "-allowPOST=.*", "-allowGET=.*"];

/// An Engine with a proxy before it, and things for bodies to refer to.
pub(crate) struct Stand {
    pub(crate) engine: Api,
    proxy: Api,
    pub(crate) other: Client,
    names: Vec<(&'static str, String)>,
    /// The reports of an ordinary container, and of one in the host's namespaces.
    pub(crate) ordinary: Report,
    pub(crate) host: Report,
    _proxy: Proxy,
}

impl Stand {
    pub(crate) fn new(engine: &Engine, more: &[&str]) -> Stand {
        let proxy = Proxy::start(Listen::Tcp, engine.socket(), &[FLAGS, more].concat());
        let other = Client::new(engine.socket(), None);
        let (volume, network) = (format!("{}-volume", other.name), format!("{}-net", other.name));
        let run = ["run", "--detach", "--pid=host", "--volume=/:/h", "--name", &other.name];
        other.docker(&[&run[..], &["busybox:latest", "sleep", "600"]].concat()).success();
        other.docker(&["volume", "create", &volume]).success();
        other.docker(&["network", "create", &network]).success();
        let api = Api::straight(engine.socket());
        let host_id = api.get("/networks/host")["Id"].as_str().unwrap_or_default().to_owned();
        let names = vec![
            ("@other@", other.name.clone()),
            ("@volume@", volume),
            ("@network@", network),
            ("@hostid@", host_id),
        ];
        let modes = ["PidMode", "NetworkMode", "IpcMode", "UTSMode"].map(|name| (name, "host"));
        Stand {
            ordinary: report(&api, &json!({})),
            host: report(&api, &json!(modes.into_iter().collect::<BTreeMap<_, _>>())),
            engine: api,
            proxy: Api::at(proxy.host()),
            other,
            names,
            _proxy: proxy,
        }
    }

    fn names(&self) -> Vec<(&'static str, &str)> {
        self.names.iter().map(|(mark, name)| (*mark, name.as_str())).collect()
    }

    pub(crate) fn name_of(&self, mark: &str) -> &str {
        let found = self.names.iter().find(|(name, _)| *name == mark);
        found.map(|(_, name)| name.as_str()).unwrap_or_default()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let (volume, network) = (self.name_of("@volume@"), self.name_of("@network@"));
        self.engine.call("DELETE", &format!("/containers/{}?force=1", self.other.name), "");
        self.engine.call("DELETE", &format!("/networks/{network}"), "");
        self.engine.call("DELETE", &format!("/volumes/{volume}?force=1"), "");
    }
}

/// The report of a container of this kind.
fn report(engine: &Api, host_config: &Value) -> Report {
    let command = ["sh", "-c", REPORT];
    let body = json!({"Image": "busybox:latest", "Cmd": command, "HostConfig": host_config});
    let created = engine.post("/containers/create", &body.to_string());
    let id = created.json()["Id"].as_str().expect("a container").to_owned();
    let report = Report::of(engine, &id).expect("a container with a log");
    engine.call("DELETE", &format!("/containers/{id}?force=1"), "");
    report
}

/// Whether a container is only inspected, or started as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Outside,
    Inside,
}

type Judge<'s> = dyn Fn(&Answer, Look) -> Option<Vec<String>> + 's;
type Place<'s> = dyn Fn() -> String + 's;

/// An operation whose bodies are tried.
pub(crate) struct Subject<'s> {
    pub(crate) stand: &'s Stand,
    operation: String,
    /// The path of the next request, with its query.
    path: Box<Place<'s>>,
    /// Members that a body needs. `@unique@` is another name each time.
    pub(crate) base: Vec<(&'static str, String)>,
    pub(crate) fields: Vec<Field>,
    /// Faults of the object that a response names, which is then removed; `None` if
    /// nothing was made.
    pub(crate) judge: Box<Judge<'s>>,
}

impl<'s> Subject<'s> {
    pub(crate) fn new(
        stand: &'s Stand,
        operation: &str,
        path: &str,
        base: &[(&'static str, &str)],
        judge: impl Fn(&Answer, Look) -> Option<Vec<String>> + 's,
    ) -> Subject<'s> {
        let base = base.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let fields = fields(operation, &stand.names());
        let (operation, path) = (operation.to_owned(), path.to_owned());
        let path = Box::new(move || path.clone());
        Subject { stand, operation, path, base, fields, judge: Box::new(judge) }
    }

    /// The same with the fields of another operation, those below a place.
    pub(crate) fn with_fields_of(mut self, operation: &str, place: &str) -> Subject<'s> {
        self.fields = fields(operation, &self.stand.names());
        self.fields.retain_mut(|field| match field.place.strip_prefix(place) {
            Some(rest) => {
                field.place = rest.to_owned();
                true
            }
            None => false,
        });
        self
    }

    /// The same with another path for each request.
    pub(crate) fn at(self, path: impl Fn() -> String + 's) -> Subject<'s> {
        Subject { path: Box::new(path), ..self }
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.kind == kind)
    }

    fn body(&self, fields: &[&Field], twist: Twist, random: &mut Random) -> Vec<u8> {
        let name = unique("sp-safe");
        let base: Vec<_> = self
            .base
            .iter()
            .map(|(place, value)| (*place, value.replace("@unique@", &name)))
            .collect();
        let base: Vec<_> = base.iter().map(|(place, value)| (*place, value.as_str())).collect();
        body(&base, fields, twist, random)
    }

    /// Sends a body, and once more where the Engine has meanwhile changed the object whose
    /// version is in the path.
    fn send(&self, to: &Api, body: &[u8], frame: Frame) -> Answer {
        const ATTEMPTS: usize = 10;
        let mut answers = (0..ATTEMPTS).map(|_| to.send(&request(&(self.path)(), body, frame)));
        let is_timely = |answer: &Answer| !answer.text.contains("update out of sequence");
        answers.find(is_timely).expect("an object that is at rest")
    }

    /// Up to three ordinary values of other fields.
    fn company(&self, field: &Field, random: &mut Random) -> Vec<&Field> {
        let ordinary: Vec<_> = self.of_kind(Kind::Ordinary).collect();
        let mut places = BTreeSet::from([field.place.as_str()]);
        let picks: Vec<_> =
            (0..random.below(4)).map(|_| ordinary[random.below(ordinary.len())]).collect();
        picks.into_iter().filter(|pick| places.insert(&pick.place)).collect()
    }

    /// Tries values that are not ordinary in all spellings, or as many as fit into the
    /// time. Nothing that is made may have a fault.
    #[track_caller]
    pub(crate) fn check_spellings(&self, time: Duration) {
        let seed = seed();
        let mut random = Random::new(seed);
        let not_ordinary = self.fields.iter().filter(|field| field.kind != Kind::Ordinary);
        let with_twists = |field| TWISTS.iter().map(move |twist| (field, *twist));
        let mut cases: Vec<_> = not_ordinary.flat_map(with_twists).collect();
        for last in (1..cases.len()).rev() {
            cases.swap(last, random.below(last + 1));
        }
        let mut tally = Tally::default();
        let end = (!is_long()).then(|| Instant::now() + time);
        for (field, twist) in cases {
            if end.is_some_and(|end| Instant::now() > end) {
                break;
            }
            self.attempt(field, twist, &mut tally, &mut random);
        }
        tally.check(&self.operation, seed);
        assert!(tally.bodies > 20, "too few to say anything: {tally:?}");
    }

    /// One body: a value in a spelling, among ordinary values of other fields.
    fn attempt(&self, field: &Field, twist: Twist, tally: &mut Tally, random: &mut Random) {
        let company = self.company(field, random);
        let chosen: Vec<_> = [field].into_iter().chain(company).collect();
        let body = self.body(&chosen, twist, random);
        let frame = frame(random);
        let answer = self.send(&self.stand.proxy, &body, frame);
        tally.count(&answer);
        let what = || format!("{twist:?} of {} to {frame:?}: {}", field.place, shown(&body));
        if answer.status == 0 {
            tally.failures.push(format!("no answer: {}", what()));
        }
        let look = tally.look(&answer);
        for fault in (self.judge)(&answer, look).unwrap_or_default() {
            tally.failures.push(format!("{fault}: {}", what()));
        }
    }

    /// Sends dangerous values directly. The oracle must find each that the Engine takes,
    /// else the test above would pass with an oracle that finds nothing. Places in `but` are
    /// not known to every Engine, or ignored.
    #[track_caller]
    pub(crate) fn check_judge(&self, least: usize, but: &[&str]) {
        let mut random = Random::new(0);
        let (mut seen, mut unseen) = (BTreeSet::new(), Vec::new());
        for field in self.of_kind(Kind::Danger) {
            let body = self.body(&[field], Twist::Plain, &mut random);
            let answer = self.send(&self.stand.engine, &body, PLAIN);
            match (self.judge)(&answer, Look::Outside) {
                Some(faults) if faults.is_empty() => unseen.push((&field.place, &field.value)),
                Some(_) => {
                    seen.insert(&field.place);
                }
                None => {}
            }
        }
        unseen.retain(|(place, _)| !but.contains(&place.as_str()));
        assert!(unseen.is_empty(), "{unseen:#?}");
        assert!(seen.len() >= least, "the Engine took only {seen:?}");
    }

    /// Sends bodies of ordinary values alone. The proxy must let them pass, else the
    /// tests above would pass with one that refuses everything.
    #[track_caller]
    pub(crate) fn check_ordinary(&self, rounds: usize) {
        let seed = seed();
        let mut random = Random::new(seed);
        let mut by_place: BTreeMap<&str, Vec<&Field>> = BTreeMap::new();
        for field in self.of_kind(Kind::Ordinary) {
            by_place.entry(&field.place).or_default().push(field);
        }
        let most = by_place.values().map(Vec::len).max().unwrap_or_default();
        let mut tally = Tally::default();
        for round in 0..if is_long() { 10 * rounds } else { rounds } * most {
            // In the first rounds each value has its turn.
            let mut pick = |values: &Vec<&'_ Field>| {
                let at = random.below(values.len());
                values[if round < most { round % values.len() } else { at }].clone()
            };
            let all: Vec<_> = by_place.values().map(&mut pick).collect();
            let part = random.below(4);
            let chosen: Vec<_> =
                all.iter().filter(|_| round < most || random.below(4) >= part).collect();
            let body = self.body(&chosen, Twist::Plain, &mut random);
            let answer = self.send(&self.stand.proxy, &body, PLAIN);
            tally.count(&answer);
            if answer.is_refusal() || answer.status == 0 {
                tally.failures.push(format!("{}: {}", answer.message(), shown(&body)));
            }
            let look = tally.look(&answer);
            for fault in (self.judge)(&answer, look).unwrap_or_default() {
                tally.failures.push(format!("{fault}: {}", shown(&body)));
            }
        }
        tally.check(&self.operation, seed);
        assert!(tally.made * 2 > tally.bodies, "the Engine takes too few: {tally:?}");
    }
}

/// A body for messages.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).replace(&Value::from(REPORT).to_string(), "REPORT")
}

fn is_long() -> bool {
    env::var("SOCKET_PROXY_LONG").is_ok_and(|value| value == "1")
}

/// The seed of this run, which a failure prints.
fn seed() -> u64 {
    let given = env::var("SOCKET_PROXY_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

/// The results of many bodies.
#[derive(Debug, Default)]
struct Tally {
    bodies: usize,
    made: usize,
    started: usize,
    refused: usize,
    rejected_by_engine: usize,
    failures: Vec<String>,
}

impl Tally {
    fn count(&mut self, answer: &Answer) {
        self.bodies += 1;
        match answer.status {
            200 | 201 | 204 => self.made += 1,
            _ if answer.is_refusal() => self.refused += 1,
            _ => self.rejected_by_engine += 1,
        }
    }

    /// Each container is started, or one of eight.
    fn look(&mut self, answer: &Answer) -> Look {
        if matches!(answer.status, 201 | 204) && (is_long() || self.made % 8 == 1) {
            self.started += 1;
            return Look::Inside;
        }
        Look::Outside
    }

    #[track_caller]
    fn check(&self, operation: &str, seed: u64) {
        eprintln!(
            "{operation}: {} bodies: {} made something, {} looked into, {} refused by the proxy, \
             {} by the Engine",
            self.bodies, self.made, self.started, self.refused, self.rejected_by_engine
        );
        let failures = self.failures.join("\n");
        assert!(self.failures.is_empty(), "with SOCKET_PROXY_SEED={seed}:\n{failures}");
    }
}

/// Where and how a body is sent: a template of the target, and fields of the head.
type Frame = (&'static str, &'static str);

/// The form of a request of ordinary clients.
const PLAIN: Frame = ("PATH", JSON);

const JSON: &str = "Content-Type: application/json\r\n";

/// `PATH` is the path without its query, which is added at the end, `FIRST` the same with an encoded first letter, `LAST` with its
/// last slash encoded, `DOUBLED` with that slash twice, `DOTTED` with `/./` there.
const FRAMES: &[Frame] = &[
    PLAIN,
    ("/v1.24PATH", JSON),
    ("/v1.30PATH", JSON),
    ("/v1.40PATH", JSON),
    ("/v1.41PATH", JSON),
    ("/v1.43PATH", JSON),
    ("/v1.44PATH", JSON),
    ("/v1.48PATH", JSON),
    ("/v1.51PATH", JSON),
    ("/v1.12PATH", JSON),
    ("/v1.56PATH", JSON),
    ("/v1.41.PATH", JSON),
    ("/v01.041PATH", JSON),
    ("/v1.40.99999PATH", JSON),
    ("FIRST", JSON),
    ("LAST", JSON),
    ("/v1%2e41PATH", JSON),
    ("/PATH", JSON),
    ("/v1.41DOUBLED", JSON),
    ("DOTTED", JSON),
    ("PATH/", JSON),
    ("http:PATH", JSON),
    ("http://xPATH", JSON),
    ("PATH?platform=&name=", JSON),
    ("PATH?HostConfig=x&Privileged=true", JSON),
    ("PATH?platform=linux/amd64", JSON),
    ("PATH", "Content-Type: application/json; charset=utf-8\r\n"),
    ("PATH", "Content-Type: APPLICATION/JSON\r\n"),
    ("PATH", "Content-Type: text/plain\r\n"),
    ("PATH", "Content-Type: application/x-www-form-urlencoded\r\n"),
    ("PATH", "Content-Type: multipart/form-data; boundary=x\r\n"),
    ("PATH", "Content-Type: application/vnd.docker+json\r\n"),
    ("PATH", ""),
    ("PATH", "Content-Type: application/json\r\nContent-Type: application/json\r\n"),
    ("PATH", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"),
    ("PATH", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"),
    ("/v1.41PATH", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"),
    ("/libpodPATH", JSON),
];

/// A frame: mostly the plain one.
fn frame(random: &mut Random) -> Frame {
    match random.below(4) {
        0 => FRAMES[random.below(FRAMES.len())],
        1 => FRAMES[random.below(9)],
        _ => PLAIN,
    }
}

fn request(path: &str, body: &[u8], (target, fields): Frame) -> Vec<u8> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let last = path.rfind('/').unwrap_or_default();
    let with_last = |text: &str| format!("{}{text}{}", &path[..last], &path[last + 1..]);
    let first = format!("/%{:02x}{}", path.as_bytes()[1], &path[2..]);
    let target = target
        .replace("PATH", path)
        .replace("FIRST", &first)
        .replace("LAST", &with_last("%2F"))
        .replace("DOUBLED", &with_last("//"))
        .replace("DOTTED", &with_last("/./"));
    let target = match (query, target.contains('?')) {
        ("", _) => target,
        (query, false) => format!("{target}?{query}"),
        (query, true) => format!("{target}&{query}"),
    };
    let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{fields}");
    if fields.contains("chunked") {
        let chunk = format!("{:x};x=y\r\n", body.len());
        return [head.as_bytes(), b"\r\n", chunk.as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    }
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), length.as_bytes(), body].concat()
}
