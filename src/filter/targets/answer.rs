//! How an answer is treated before the client gets it.
//!
//! **Invariant:** an answer that must be read and cannot be is never passed on.
//! **Invariant:** no error carries the id of a thing that the request did not name
//! and that is no target.

use super::hide::{self, Place};
use super::labels::{self, TargetLabel};
use crate::api::{Operation, Subject};
use crate::http1::Reply;
use crate::json::{Shape, SyntaxError, Tree};

/// Digits that make an id: Docker shortens ids to twelve.
const ID_DIGITS_MIN: usize = 12;

/// The treatment of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Treatment {
    of_success: OfSuccess,
    of_errors: Option<OfErrors>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum OfSuccess {
    /// It passes as it comes.
    #[default]
    Pass,
    /// The values at these places become empty.
    Hide(&'static [Place]),
    /// Of a network's containers only these are shown.
    Members(Vec<String>),
    /// A volume is shown only if it has these labels.
    OwnVolume(Vec<TargetLabel>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OfErrors {
    operation: Operation,
    /// Texts whose ids the client knows.
    known: Vec<String>,
}

/// An answer that was treated.
#[derive(Debug, PartialEq, Eq)]
pub enum Treated {
    /// The daemon's answer with this body.
    Body(Vec<u8>),
    /// An answer of ours.
    Instead(Reply),
}

/// Why an answer cannot be treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerError {
    /// It is not strict JSON.
    NotJson(SyntaxError),
    /// It is compressed.
    Compressed,
    /// Reading it takes more memory than one client may hold.
    TooLarge,
}

impl Treatment {
    pub(super) fn hiding(places: &'static [Place]) -> Self {
        Self { of_success: OfSuccess::Hide(places), of_errors: None }
    }

    pub(super) fn scrubbing(self, operation: Operation, known: Vec<String>) -> Self {
        Self { of_errors: Some(OfErrors { operation, known }), ..self }
    }

    pub(super) fn keeping_members(self, ids: Vec<String>) -> Self {
        Self { of_success: OfSuccess::Members(ids), ..self }
    }

    pub(super) fn owning_volume(self, labels: &[TargetLabel]) -> Self {
        Self { of_success: OfSuccess::OwnVolume(labels.to_vec()), ..self }
    }

    /// Whether an answer with this status must be read whole.
    #[must_use]
    pub fn concerns(&self, status: u16) -> bool {
        match status {
            200..=299 => self.of_success != OfSuccess::Pass,
            400.. => self.of_errors.is_some(),
            _ => false,
        }
    }

    /// Treats the body of an answer that it concerns.
    ///
    /// # Errors
    /// If the body cannot be read.
    pub fn apply(&self, status: u16, body: Vec<u8>) -> Result<Treated, AnswerError> {
        match (&self.of_errors, status) {
            (Some(errors), 400..) => Ok(errors.treat(status, body)),
            _ => self.of_success.treat(&body),
        }
    }
}

impl OfSuccess {
    fn treat(&self, body: &[u8]) -> Result<Treated, AnswerError> {
        let mut tree = Tree::parse_shaped(body, &Shape::Exact).map_err(AnswerError::NotJson)?;
        match self {
            Self::Pass => {}
            Self::Hide(places) => places.iter().for_each(|place| hide::empty(&mut tree, place)),
            Self::Members(ids) => keep_members(&mut tree, ids),
            Self::OwnVolume(wanted) => {
                if !labels::match_all(wanted, &labels_of(&tree)) {
                    let message = "the name of the volume is already in use";
                    return Ok(Treated::Instead(Reply::new(409, message)));
                }
            }
        }
        Ok(Treated::Body(tree.printed().into_bytes()))
    }
}

/// Services of a swarm are nobody's targets.
fn keep_members(tree: &mut Tree<'_>, ids: &[String]) {
    let Tree::Object(members) = tree else { return };
    members.retain(|(key, _)| !key.eq_ignore_ascii_case("Services"));
    for (key, value) in members {
        if let Tree::Object(containers) = value
            && key.eq_ignore_ascii_case("Containers")
        {
            containers.retain(|(id, _)| ids.iter().any(|target| target == id));
        }
    }
}

fn labels_of(tree: &Tree<'_>) -> Vec<(String, String)> {
    let Tree::Object(members) = tree else { return Vec::new() };
    let labels = members.iter().find(|(key, _)| key == "Labels").map(|(_, labels)| labels);
    let Some(Tree::Object(labels)) = labels else { return Vec::new() };
    let pairs = labels.iter().filter_map(|(key, value)| match value {
        Tree::String(value) => Some((key.to_string(), value.to_string())),
        _ => None,
    });
    pairs.collect()
}

/// A text in pieces: runs of hexadecimal digits, and the texts between them.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunk_by(|a, b| a.is_ascii_hexdigit() == b.is_ascii_hexdigit()).scan(
        0,
        |start, run| {
            let begin = *start;
            *start += run.len();
            text.get(begin..*start)
        },
    )
}

impl OfErrors {
    fn treat(&self, status: u16, body: Vec<u8>) -> Treated {
        let text = String::from_utf8_lossy(&body);
        if !runs(&text).any(|run| self.is_unknown_id(run)) {
            return Treated::Body(body);
        }
        if self.names_nothing_else() {
            let show = |run| if self.is_unknown_id(run) { "(an id)" } else { run };
            return Treated::Body(runs(&text).map(show).collect::<String>().into_bytes());
        }
        Treated::Instead(Reply::new(status, self.words(status)))
    }

    fn is_unknown_id(&self, run: &str) -> bool {
        let is_id = run.len() >= ID_DIGITS_MIN && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = run.to_ascii_lowercase();
        is_id && !self.known.iter().any(|known| known.contains(&id))
    }

    /// Whether errors name no things but by their ids. Those of a start are about ports and
    /// endpoints, and must stay readable.
    fn names_nothing_else(&self) -> bool {
        self.operation.facts().subject == Subject::Container
            && self.operation != Operation::ContainerRename
    }

    fn words(&self, status: u16) -> &'static str {
        use Operation as O;
        match (self.operation, status) {
            (O::ContainerCreate | O::ContainerRename, 409) => {
                "Conflict. The container name is already in use. You have to remove (or rename) \
                 that container to be able to reuse that name."
            }
            (O::NetworkDelete, _) => "the network has active endpoints",
            (O::VolumeDelete, _) => "the volume is in use",
            (O::ImageDelete, _) => "conflict: a container is using the image",
            _ => "the daemon refused it; its message names objects that are not targets",
        }
    }
}

impl std::fmt::Display for AnswerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "the daemon's response is not strict JSON: {error}"),
            Self::Compressed => f.write_str("the daemon's response is compressed"),
            Self::TooLarge => f.write_str("the daemon's response is too large to rewrite"),
        }
    }
}

impl std::error::Error for AnswerError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "08868d31ab6cbf38757c821274703599eddebc54bd0e922c28ba7f04c6584a87";

    fn message(operation: Operation, known: &[&str], body: &str) -> String {
        let known = known.iter().map(|known| (*known).to_owned()).collect();
        let treatment = Treatment::default().scrubbing(operation, known);
        match treatment.apply(409, body.as_bytes().to_vec()) {
            Ok(Treated::Body(body)) => String::from_utf8(body).unwrap(),
            Ok(Treated::Instead(reply)) => format!("ours: {}", reply.message),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn an_error_with_a_foreign_id_is_replaced() {
        let conflict = format!("the name is already in use by container \"{ID}\".");
        let create = |known: &[&str]| message(Operation::ContainerCreate, known, &conflict);
        assert!(create(&[]).starts_with("ours: Conflict. The container name is already in use."));
        assert_eq!(create(&[ID]), conflict);
        let short = "container 08868d31ab6c is using its image";
        assert!(message(Operation::ImageDelete, &[], short).starts_with("ours: conflict"));
        assert_eq!(message(Operation::ImageDelete, &[ID], short), short);
        let loud = "ID 08868D31AB6CBF38";
        assert!(message(Operation::NetworkDelete, &[], loud).starts_with("ours:"));
        let harmless = "cannot start 12345678901 of a paused one";
        assert_eq!(message(Operation::ContainerStart, &[], harmless), harmless);
    }

    #[test]
    fn an_error_of_a_start_keeps_its_words_without_ids() {
        let port = format!("endpoint é ({ID}): port 80 is already allocated, {ID}, {ID}");
        let shown = "endpoint é ((an id)): port 80 is already allocated, (an id), (an id)";
        assert_eq!(message(Operation::ContainerStart, &[], &port), shown);
        assert_eq!(message(Operation::ContainerRestart, &[ID], &port), port);
        let loud = "ID 08868D31AB6CBF38";
        assert_eq!(message(Operation::ContainerStart, &[], loud), "ID (an id)");
    }

    #[test]
    fn of_a_network_only_targets_are_shown() {
        let body = r#"{"Name":"n","Containers":{"a":{"Name":"x"},"b":{"Name":"y"}},"Services":{"s":1},"L":{"k":1,"K":2}}"#;
        let treatment = Treatment::default().keeping_members(vec!["b".to_owned()]);
        let expected = r#"{"Name":"n","Containers":{"b":{"Name":"y"}},"L":{"k":1,"K":2}}"#;
        let treated = treatment.apply(200, body.as_bytes().to_vec());
        assert_eq!(treated, Ok(Treated::Body(expected.as_bytes().to_vec())));
        assert!(matches!(treatment.apply(200, b"{".to_vec()), Err(AnswerError::NotJson(_))));
    }

    #[test]
    fn a_volume_that_somebody_else_made_in_this_moment_is_not_shown() {
        let labels = [TargetLabel::parse("a=b", "").unwrap()];
        let treatment = Treatment::default().owning_volume(&labels);
        let own = br#"{"Name":"v","Labels":{"a":"b"}}"#.to_vec();
        assert_eq!(treatment.apply(201, own.clone()), Ok(Treated::Body(own)));
        for foreign in [r#"{"Name":"v","Labels":{"a":"c"}}"#, r#"{"Labels":null}"#, "[]"] {
            let treated = treatment.apply(201, foreign.as_bytes().to_vec()).unwrap();
            assert!(matches!(treated, Treated::Instead(reply) if reply.status == 409));
        }
    }

    #[test]
    fn only_answers_with_something_to_hide_are_read() {
        assert!(!Treatment::default().concerns(200) && !Treatment::default().concerns(404));
        let hides = Treatment::hiding(&[&["Env"]]);
        assert!(hides.concerns(200) && !hides.concerns(404) && !hides.concerns(101));
        let scrubs = Treatment::default().scrubbing(Operation::ContainerStart, Vec::new());
        assert!(!scrubs.concerns(204) && scrubs.concerns(409) && !scrubs.concerns(304));
    }
}
