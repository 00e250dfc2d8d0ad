//! The labels of targets.

use std::fmt;

/// Names that events use beside the labels of a container: a container with one of
/// them as a label could not be distinguished from one that is only mentioned.
const EVENT_ATTRIBUTES: [&str; 19] = [
    "name",
    "image",
    "container",
    "type",
    "driver",
    "execID",
    "exitCode",
    "execDuration",
    "signal",
    "oldName",
    "comment",
    "imageID",
    "imageRef",
    "source",
    "destination",
    "propagation",
    "height",
    "width",
    "path",
];

/// The longest key and the longest value, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// A label that all targets carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetLabel {
    /// The label's key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The flag, variable or label that names it.
    pub origin: String,
}

/// The flag, variable or label that limits to these labels of targets.
pub(super) fn origin(labels: &[TargetLabel]) -> String {
    labels.first().map(|label| label.origin.clone()).unwrap_or_default()
}

/// Why a text is not the label of targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelError {
    /// There is no `=`.
    NoValue,
    /// Nothing is before the `=`.
    EmptyKey,
    /// Nothing is behind it.
    EmptyValue,
    /// The key is an attribute of events.
    EventAttribute,
    /// It has white space at an end, or control characters.
    Unprintable,
    /// It is too long.
    TooLong,
}

impl TargetLabel {
    /// Reads `KEY=VALUE`. The value may have further `=`.
    ///
    /// # Errors
    /// If it is not a label that can be distinguished from others.
    pub fn parse(text: &str, origin: &str) -> Result<Self, LabelError> {
        let (key, value) = text.split_once('=').ok_or(LabelError::NoValue)?;
        let is_unprintable = |part: &str| part.trim() != part || part.contains(char::is_control);
        match (key, value) {
            ("", _) => Err(LabelError::EmptyKey),
            (_, "") => Err(LabelError::EmptyValue),
            _ if is_unprintable(key) || is_unprintable(value) => Err(LabelError::Unprintable),
            _ if key.len().max(value.len()) > TEXT_BYTES_MAX => Err(LabelError::TooLong),
            _ if EVENT_ATTRIBUTES.contains(&key) => Err(LabelError::EventAttribute),
            _ => {
                let [key, value, origin] = [key, value, origin].map(str::to_owned);
                Ok(Self { key, value, origin })
            }
        }
    }

    /// The label as filters have it.
    #[must_use]
    pub fn pair(&self) -> String {
        format!("{}={}", self.key, self.value)
    }
}

/// Whether a thing with these labels is a target.
pub(super) fn match_all(wanted: &[TargetLabel], labels: &[(String, String)]) -> bool {
    wanted.iter().all(|wanted| {
        labels.iter().any(|(key, value)| (key, value) == (&wanted.key, &wanted.value))
    })
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoValue => "it has no =",
            Self::EmptyKey => "the key is empty",
            Self::EmptyValue => "the value is empty",
            Self::EventAttribute => "the key is an attribute of events",
            Self::Unprintable => "it has white space at an end, or control characters",
            Self::TooLong => "a key or value has at most 1024 bytes",
        })
    }
}

impl std::error::Error for LabelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_a_key_and_a_value() {
        let pair = |text: &str| TargetLabel::parse(text, "").map(|label| (label.key, label.value));
        let found = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        let long = format!("a={}", "x".repeat(1025));
        let rows = [
            ("com.docker.compose.project=web", found("com.docker.compose.project", "web")),
            ("a=b=c", found("a", "b=c")),
            ("a==", found("a", "=")),
            (r#"a="\é"#, found("a", r#""\é"#)),
            ("a b=c d", found("a b", "c d")),
            ("", Err(LabelError::NoValue)),
            ("a", Err(LabelError::NoValue)),
            ("=b", Err(LabelError::EmptyKey)),
            ("a=", Err(LabelError::EmptyValue)),
            (" a=b", Err(LabelError::Unprintable)),
            ("a=b\n", Err(LabelError::Unprintable)),
            ("a=b\u{85}c", Err(LabelError::Unprintable)),
            ("name=x", Err(LabelError::EventAttribute)),
            ("execID=x", Err(LabelError::EventAttribute)),
            ("height=24", Err(LabelError::EventAttribute)),
            ("path=/srv", Err(LabelError::EventAttribute)),
            (&long, Err(LabelError::TooLong)),
        ];
        for (text, expected) in rows {
            assert_eq!(pair(text), expected, "{text}");
        }
    }

    #[test]
    fn a_target_carries_all_labels_exactly() {
        let wanted = ["a=b", "c=d"].map(|text| TargetLabel::parse(text, "").unwrap());
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        assert!(match_all(&wanted, &labels(&[("x", "y"), ("c", "d"), ("a", "b")])));
        assert!(!match_all(&wanted, &labels(&[("a", "b")])));
        assert!(!match_all(&wanted, &labels(&[("a", "b"), ("c", "D")])));
        assert!(!match_all(&wanted, &labels(&[("a", "b"), ("C", "d")])));
        assert!(match_all(&[], &[]));
    }
}
