//! From a request to the questions that the daemon must answer, and from its answers
//! to a permit.
//!
//! A request is limited again and again, with more answers each time, until no
//! question is open. Nothing is sent meanwhile.
//!
//! **Invariant:** an answer counts for one request.

use super::TargetDenial;
use super::answer::Treatment;
use super::body;
use super::hide::Place;
use super::labels::{self, TargetLabel};
use super::query::Query;
use crate::api::{Operation, Subject, Targeting, split_version};
use crate::filter::bodies::BodyDenial;
use crate::filter::permit::{Change, Permit};
use crate::http1::Target;

/// How many things one request may name. Compose names fewer than ten.
const QUESTIONS_MAX: usize = 64;

/// Fields of a request whose body is left out.
const OF_BODY: &[&str] = &["Content-Type", "Content-Encoding"];

/// An answer that is read must not be compressed.
const OF_ENCODING: &[&str] = &["Accept-Encoding"];

/// A kind of thing that has an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A container, by id, by the beginning of its id or by name.
    Container,
    /// An exec instance, by id. It belongs to its container.
    Exec,
    /// A network, by id, by the beginning of its id or by name.
    Network,
    /// A volume, by name.
    Volume,
}

/// A question to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A container, network or volume, by its reference.
    Thing(TargetKind, String),
    /// Which containers are targets?
    Members,
}

/// An answer of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// This it is.
    Found(Found),
    /// There is no such thing, or more than one.
    Missing,
    /// The full ids of the containers that are targets.
    Members(Vec<String>),
}

/// A thing that the daemon has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its full id; the name of a volume.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels, at least those that targets carry. An exec instance has those of
    /// its container.
    pub labels: Vec<(String, String)>,
}

/// The answers so far.
pub type Facts = Vec<(Question, Fact)>;

/// How a request is limited.
#[derive(Debug, Clone, Copy)]
pub(in crate::filter) struct Plan<'a> {
    operation: Option<Operation>,
    labels: &'a [TargetLabel],
    hidden: &'static [Place],
}

/// A request whose targets have yet to be looked up.
#[derive(Debug)]
#[must_use]
pub struct Search<'a> {
    permit: Permit<'a>,
    plan: Plan<'a>,
}

/// How far a search came.
#[derive(Debug)]
#[must_use]
pub enum Step<'a> {
    /// The request may be sent.
    Allowed(Permit<'a>),
    /// These questions must be answered, too.
    Ask(Search<'a>, Vec<Question>),
    /// It must not be sent.
    Denied(TargetDenial),
    /// It must not be sent, since its body cannot be read.
    BadBody(BodyDenial),
}

/// Why a body or a reference does not pass.
#[derive(Debug)]
pub(super) enum Fault {
    Target(TargetDenial),
    Body(BodyDenial),
}

impl From<TargetDenial> for Fault {
    fn from(denial: TargetDenial) -> Self {
        Self::Target(denial)
    }
}

impl From<BodyDenial> for Fault {
    fn from(denial: BodyDenial) -> Self {
        Self::Body(denial)
    }
}

impl TargetKind {
    /// The daemon's words about one that it does not have.
    pub(super) fn missing(self, reference: &str) -> String {
        match self {
            Self::Container => format!("No such container: {reference}"),
            Self::Exec => format!("No such exec instance: {reference}"),
            Self::Network => format!("network {reference} not found"),
            Self::Volume => format!("get {reference}: no such volume"),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Exec => "exec instance",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }

    fn of(subject: Subject) -> Option<Self> {
        match subject {
            Subject::Container => Some(Self::Container),
            Subject::Exec => Some(Self::Exec),
            Subject::Network => Some(Self::Network),
            Subject::Volume => Some(Self::Volume),
            _ => None,
        }
    }
}

impl<'a> Plan<'a> {
    /// A plan that hides environments alone; `None` if the answer has none.
    pub(super) fn hiding(hidden: &'static [Place]) -> Option<Self> {
        (!hidden.is_empty()).then_some(Self { operation: None, labels: &[], hidden })
    }

    pub(super) fn limiting(
        operation: Operation,
        labels: &'a [TargetLabel],
        hidden: &'static [Place],
    ) -> Self {
        Self { operation: Some(operation), labels, hidden }
    }

    /// Whether the request's body is needed.
    pub(in crate::filter) fn needs_body(&self) -> bool {
        self.operation.is_some_and(|operation| match operation.facts().targeting {
            Targeting::Create(_) | Targeting::Join | Targeting::Prune(_) => true,
            _ => operation == Operation::ContainerStart,
        })
    }

    /// Begins to look for the targets of a request that is allowed otherwise.
    pub(in crate::filter) fn begin(self, permit: Permit<'a>) -> Step<'a> {
        Search { permit, plan: self }.go_on(&Facts::new())
    }

    /// The changes to a request, as far as the questions are answered.
    fn change(&self, permit: &Permit<'_>, resolver: &mut Resolver<'_>) -> Result<Change, Fault> {
        let mut change = Change::default();
        if !self.hidden.is_empty() {
            change.without = OF_ENCODING;
            change.treatment = Treatment::hiding(self.hidden);
        }
        let Some(operation) = self.operation else { return Ok(change) };
        let request = permit.request();
        let mut path = request.target().path().to_owned();
        let mut query = request.target().query().map(str::to_owned);
        match operation.facts().targeting {
            Targeting::One => {
                match operation {
                    Operation::ContainerTop => Query::read(query.as_deref())?.limit_processes()?,
                    Operation::ContainerStart => Query::read(query.as_deref())?.limit_start()?,
                    _ => {}
                }
                path = named_path(operation, &path, resolver)?.0;
            }
            Targeting::Join => {
                let (own_path, network) = named_path(operation, &path, resolver)?;
                path = own_path;
                change.body = Some(body::join(operation, permit.body(), &network, resolver)?);
            }
            Targeting::InQuery => {
                let mut read = Query::read(query.as_deref())?;
                read.replace_container("container", resolver)?;
                query = read.print();
            }
            Targeting::List(_) | Targeting::Events | Targeting::Prune(_) => {
                let mut read = Query::read(query.as_deref())?;
                read.limit(operation, self.labels, resolver)?;
                query = read.print();
            }
            Targeting::Create(subject) => {
                let created = body::create(subject, permit.body(), self.labels, resolver)?;
                change.body = Some(created);
            }
            Targeting::Outside => query = outside(operation, query, resolver)?,
            Targeting::Never => {
                return Err(TargetDenial::unlimited(operation, self.labels).into());
            }
        }
        if matches!(operation.facts().targeting, Targeting::Prune(_)) {
            (change.body, change.without) = (Some(Vec::new()), OF_BODY);
        }
        if operation == Operation::ContainerStart {
            body::check_empty(permit.body())?;
            (change.body, change.without) = (Some(Vec::new()), OF_BODY);
        }
        change.target = Some(print_target(&path, query.as_deref(), request.method())?);
        resolver.treat(operation, request.target(), &mut change);
        Ok(change)
    }
}

impl<'a> Search<'a> {
    /// The labels that targets carry.
    #[must_use]
    pub fn labels(&self) -> &'a [TargetLabel] {
        self.plan.labels
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &'a crate::http1::Request<'a> {
        self.permit.request()
    }

    /// Goes on with all answers that there are.
    pub fn go_on(self, facts: &Facts) -> Step<'a> {
        let Self { permit, plan } = self;
        let mut resolver =
            Resolver { labels: plan.labels, facts, open: Vec::new(), ids: Vec::new() };
        match plan.change(&permit, &mut resolver) {
            Err(Fault::Target(denial)) => Step::Denied(denial),
            Err(Fault::Body(denial)) => Step::BadBody(denial),
            Ok(_) if facts.len() + resolver.open.len() > QUESTIONS_MAX => {
                Step::Denied(TargetDenial::TooMany)
            }
            Ok(_) if !resolver.open.is_empty() => Step::Ask(Self { permit, plan }, resolver.open),
            Ok(change) => Step::Allowed(permit.changed(change)),
        }
    }
}

/// Looks references up among the answers, and notes those that are missing.
#[derive(Debug)]
pub(super) struct Resolver<'r> {
    labels: &'r [TargetLabel],
    facts: &'r Facts,
    open: Vec<Question>,
    /// The ids of all that was found.
    ids: Vec<String>,
}

/// The state of a reference.
pub(super) enum Known {
    Target(Found),
    Foreign,
    Missing,
    /// It must be asked for.
    Unasked,
}

impl Resolver<'_> {
    pub(super) fn look(&mut self, kind: TargetKind, reference: &str) -> Known {
        if !is_reference(reference) {
            return Known::Missing;
        }
        let question = Question::Thing(kind, reference.to_owned());
        match self.fact(question) {
            Some(Fact::Found(found)) if labels::match_all(self.labels, &found.labels) => {
                self.ids.push(found.id.clone());
                Known::Target(found)
            }
            Some(Fact::Found(_)) => Known::Foreign,
            Some(_) => Known::Missing,
            None => Known::Unasked,
        }
    }

    /// Whether every question so far is answered.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    fn fact(&mut self, question: Question) -> Option<Fact> {
        let fact = self.facts.iter().find(|(asked, _)| *asked == question);
        if fact.is_none() && !self.open.contains(&question) && self.open.len() <= QUESTIONS_MAX {
            self.open.push(question);
        }
        fact.map(|(_, fact)| fact.clone())
    }

    /// The target that a path or a query names. Until it is looked up, the reference
    /// is used in its place.
    pub(super) fn target(
        &mut self,
        kind: TargetKind,
        reference: &str,
    ) -> Result<Found, TargetDenial> {
        let reference = reference.to_owned();
        match self.look(kind, &reference) {
            Known::Target(found) => Ok(found),
            Known::Unasked => Ok(unasked(&reference)),
            Known::Foreign => Err(TargetDenial::NotFound { kind, reference, is_foreign: true }),
            Known::Missing => Err(TargetDenial::NotFound { kind, reference, is_foreign: false }),
        }
    }

    /// The target that a body names.
    pub(super) fn target_in_body(
        &mut self,
        kind: TargetKind,
        reference: &str,
    ) -> Result<Found, TargetDenial> {
        self.target(kind, reference).map_err(|denial| match denial {
            TargetDenial::NotFound { kind, reference, is_foreign } => {
                TargetDenial::NotFoundInBody { kind, reference, is_foreign }
            }
            other => other,
        })
    }

    /// Adds to the treatment of the answer.
    fn treat(&mut self, operation: Operation, target: &Target<'_>, change: &mut Change) {
        let mut known = std::mem::take(&mut self.ids);
        known.push(target.to_string().to_ascii_lowercase());
        let treatment = std::mem::take(&mut change.treatment).scrubbing(operation, known);
        change.treatment = match operation {
            Operation::NetworkInspect => {
                change.without = OF_ENCODING;
                match self.fact(Question::Members) {
                    Some(Fact::Members(ids)) => treatment.keeping_members(ids),
                    _ => treatment.keeping_members(Vec::new()),
                }
            }
            Operation::VolumeCreate => {
                change.without = OF_ENCODING;
                treatment.owning_volume(self.labels)
            }
            _ => treatment,
        };
    }
}

fn unasked(reference: &str) -> Found {
    Found { id: reference.to_owned(), name: reference.to_owned(), labels: Vec::new() }
}

/// Whether a daemon could have a thing of that name. Other texts need no question.
fn is_reference(text: &str) -> bool {
    const BYTES_MAX: usize = 4096;
    let is_dots = |segment: &str| matches!(segment, "" | "." | "..");
    let name = text.strip_prefix('/').unwrap_or(text);
    !name.is_empty()
        && name.len() <= BYTES_MAX
        && !name.contains(char::is_control)
        && !name.split('/').any(is_dots)
}

/// The path with the id in place of the name, and the target that it names.
fn named_path(
    operation: Operation,
    path: &str,
    resolver: &mut Resolver<'_>,
) -> Result<(String, Found), TargetDenial> {
    let (version, rest) = split_version(path);
    let named = operation.facts().routes.iter().find_map(|route| route.template.split_name(rest));
    let (kind, named) = (TargetKind::of(operation.facts().subject), named);
    let (Some(kind), Some((before, name, after))) = (kind, named) else {
        return Err(TargetDenial::unlimited(operation, resolver.labels));
    };
    let found = resolver.target(kind, name)?;
    let version = version.as_str().map(|version| format!("/v{version}")).unwrap_or_default();
    Ok((format!("{version}{before}{}{after}", found.id), found))
}

/// Requests without a target that may still name or show one.
fn outside(
    operation: Operation,
    query: Option<String>,
    resolver: &mut Resolver<'_>,
) -> Result<Option<String>, TargetDenial> {
    match operation {
        Operation::ImageBuild => {
            let mut read = Query::read(query.as_deref())?;
            read.limit_build(resolver)?;
            Ok(read.print())
        }
        // Manifests list the ids of the containers that use them.
        Operation::ImageList | Operation::ImageInspect => {
            let mut read = Query::read(query.as_deref())?;
            read.remove("manifests");
            Ok(read.print())
        }
        _ => Ok(query),
    }
}

fn print_target(
    path: &str,
    query: Option<&str>,
    method: crate::http1::Method,
) -> Result<Target<'static>, TargetDenial> {
    let text = match query {
        Some(query) => format!("{}?{query}", crate::http1::encode_path(path)),
        None => crate::http1::encode_path(path),
    };
    let invalid = |_| TargetDenial::Query("it cannot be forwarded".into());
    Target::parse(&text, method).map(Target::into_owned).map_err(invalid)
}
