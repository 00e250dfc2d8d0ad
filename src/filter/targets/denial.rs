//! Why a request that is limited to targets is refused.

use super::TargetKind;
use super::labels::{TargetLabel, origin};
use crate::api::Operation;
use crate::text::{bounded, quoted};
use std::borrow::Cow;

/// Why a request that is limited to targets is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetDenial {
    /// The path belongs to no known operation.
    Unknown {
        /// The flag that limits.
        label: String,
    },
    /// The operation cannot be limited to targets.
    Unlimited {
        /// The operation.
        operation: Operation,
        /// The flag that limits.
        label: String,
    },
    /// The operation would show or make an environment that is hidden.
    ShowsEnv {
        /// The operation, if it is known.
        operation: Option<Operation>,
        /// The flag that hides it.
        flag: String,
    },
    /// Answers of this version show more than targets.
    OldVersion {
        /// The operation.
        operation: Operation,
        /// The first version that does not.
        needed: &'static str,
    },
    /// The body may be a form, which would override the query.
    ContentType,
    /// The target of the request is foreign, missing or ambiguous.
    NotFound {
        /// The kind that it should be.
        kind: TargetKind,
        /// As the request names it.
        reference: String,
        /// Whether it exists and is foreign; for the log alone.
        is_foreign: bool,
    },
    /// The same of a target that a body names.
    NotFoundInBody {
        /// The kind that it should be.
        kind: TargetKind,
        /// As the body names it.
        reference: String,
        /// Whether it exists and is foreign; for the log alone.
        is_foreign: bool,
    },
    /// A parameter of the query cannot be read as the daemon reads it.
    Query(Cow<'static, str>),
    /// The query names more things than are looked up.
    TooMany,
    /// A label of targets has another value in the body.
    OtherValue {
        /// Where.
        place: String,
        /// The label's key.
        key: String,
        /// The value that it must have.
        value: String,
    },
    /// A value of the body that cannot be limited.
    Value {
        /// Where.
        place: String,
        /// Why, as the rest of a sentence.
        why: &'static str,
    },
    /// The name of the volume is taken by one that is no target.
    TakenVolume(String),
}

impl TargetDenial {
    /// The refusal of an operation that these labels cannot limit.
    pub(super) fn unlimited(operation: Operation, labels: &[TargetLabel]) -> Self {
        Self::Unlimited { operation, label: origin(labels) }
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unknown { .. }
            | Self::Unlimited { .. }
            | Self::ShowsEnv { .. }
            | Self::OldVersion { .. }
            | Self::OtherValue { .. }
            | Self::Value { .. } => 403,
            Self::NotFound { .. } => 404,
            Self::NotFoundInBody { .. } | Self::Query(_) | Self::TooMany => 400,
            Self::TakenVolume(_) => 409,
            Self::ContentType => 415,
        }
    }

    /// The daemon's own words, if the answer must not differ from its own.
    #[must_use]
    pub fn words_of_daemon(&self) -> Option<String> {
        match self {
            Self::NotFoundInBody { kind: TargetKind::Volume, .. } => None,
            Self::NotFound { kind, reference, .. }
            | Self::NotFoundInBody { kind, reference, .. } => Some(kind.missing(reference)),
            _ => None,
        }
    }

    /// Whether the daemon itself would answer so, without a rule on targets.
    #[must_use]
    pub fn is_plainly_missing(&self) -> bool {
        matches!(self, Self::NotFound { is_foreign: false, .. })
    }

    /// The log's reason.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::NotFound { kind, is_foreign: true, .. }
            | Self::NotFoundInBody { kind, is_foreign: true, .. } => {
                format!("the {} is not a target", kind.word())
            }
            Self::NotFound { kind, .. } => format!("no such {}", kind.word()),
            other => other.to_string(),
        }
    }
}

/// As the client reads it.
impl std::fmt::Display for TargetDenial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { label } => write!(
                f,
                "{label} allows only operations of the daemon's API, and this path is not one"
            ),
            Self::Unlimited { operation, label } => write!(
                f,
                "{operation} cannot be limited to certain containers, so it is refused under {label}"
            ),
            Self::ShowsEnv { operation: Some(operation), flag } => {
                write!(f, "{operation} would show environments, which {flag} hides")
            }
            Self::ShowsEnv { operation: None, flag } => {
                write!(f, "{flag} refuses paths of unknown operations")
            }
            Self::OldVersion { operation, needed } => write!(
                f,
                "{operation} can be limited to targets only from version {needed} of the API on; \
                 use a newer version"
            ),
            Self::ContentType => {
                f.write_str("the body must have one plain Content-Type, and it must not be a form")
            }
            Self::NotFound { kind, reference, .. } => {
                f.write_str(&kind.missing(&bounded(reference)))
            }
            Self::NotFoundInBody { kind: TargetKind::Volume, reference, .. } => write!(
                f,
                "{}: no such volume; create it first, with the label that limits this client",
                bounded(reference)
            ),
            Self::NotFoundInBody { kind, reference, .. } => {
                f.write_str(&kind.missing(&bounded(reference)))
            }
            Self::Query(why) => write!(f, "invalid query: {why}"),
            Self::TooMany => f.write_str("the request names too many containers or networks"),
            Self::OtherValue { place, key, value } => write!(
                f,
                "{place}: the label {} must be {}, or be left out",
                quoted(key),
                quoted(value)
            ),
            Self::Value { place, why } => write!(f, "{place} {why}"),
            Self::TakenVolume(name) => {
                write!(f, "the name {} of the volume is already in use", quoted(name))
            }
        }
    }
}
