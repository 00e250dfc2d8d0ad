//! The parameters of a query, for the rules that judge some of them.
//!
//! Invariants:
//! - A query that two daemons could split or decode differently is refused: Go
//!   up to 1.16 also separates parameters by `;`, later versions drop such a
//!   pair, and both drop a pair with an escape that is none.
//! - Names are compared as the most lenient daemon does: Podman finds a
//!   parameter without regard to case.
//! - Of a repeated parameter one daemon takes the first value, another the
//!   last. So every value is judged.

use super::refusal::{Closed, Refusal, Unfit};
use crate::json::folds_alike;
use crate::text::percent;

/// One parameter, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::filter) struct Parameter {
    pub(in crate::filter) name: String,
    pub(in crate::filter) value: String,
}

impl Parameter {
    /// Whether a daemon may take it for the parameter of that name.
    pub(in crate::filter) fn is(&self, name: &str) -> bool {
        folds_alike(&self.name, name)
    }
}

/// Reads a query as Go's `url.ParseQuery` does, but strictly.
pub(in crate::filter) fn parameters(query: &str) -> Result<Vec<Parameter>, Refusal> {
    if query.contains(';') {
        return Err(Refusal::closed("the query", Closed::Semicolon));
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(parameter).collect()
}

fn parameter(pair: &str) -> Result<Parameter, Refusal> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    match (decode(name), decode(value)) {
        (Some(name), Some(value)) => Ok(Parameter { name, value }),
        _ => Err(Refusal::value("the query", Unfit::Escape, name)),
    }
}

/// `None` if an escape is none, or if the text would not be UTF-8.
fn decode(text: &str) -> Option<String> {
    String::from_utf8(percent::decode(&text.replace('+', " "))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &[(&str, &str)]) {
        let read: Vec<(String, String)> =
            parameters(query).unwrap().into_iter().map(|p| (p.name, p.value)).collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(read, expected, "{query}");
    }

    #[test]
    fn parameters_are_decoded_once() {
        check("", &[]);
        check("a=b%2Fc+d&&%61=&e", &[("a", "b/c d"), ("a", ""), ("e", "")]);
        check("a=%252f&b=c=d", &[("a", "%2f"), ("b", "c=d")]);
    }

    #[test]
    fn queries_of_several_readings_are_refused() {
        for query in ["a=b;c=d", ";", "a=%", "a=%2", "a=%zz", "%g1=a", "a=%ff", "a=%c0%af"] {
            assert!(parameters(query).is_err(), "{query}");
        }
    }

    #[test]
    fn names_are_compared_without_case() {
        let found = |query: &str| parameters(query).unwrap()[0].is("secrets");
        assert!(found("SECRETS=x") && found("%73ecrets") && found("ſecrets"));
        assert!(!found("secret=x") && !found("secrets%20=x"));
    }
}
