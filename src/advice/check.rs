//! Check: the verdict on one request, the rule that decides, or the change that
//! would allow it.
//!
//! Addresses are not checked, and bodies cannot be: the answer names the list that
//! judges a body.

use super::table::shown_rule;
use crate::api::{Class, Operation, exact};
use crate::filter::rules::RuleVerdict;
use crate::filter::{Policy, near_miss};
use crate::http1::{Method, Target};
use crate::text::quoted;
use serde_json::{Value, json};
use std::fmt;

/// Longest rule of an answer.
const RULE_COLUMNS: usize = 400;

/// A request to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    method: Method,
    target: String,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The request as it would be sent.
    pub request: String,
    /// Whether it would reach the daemon.
    pub verdict: Verdict,
    /// The operation that it performs, if any.
    pub operation: Option<Operation>,
    /// The rule that decides, or the change that would allow it.
    pub because: String,
}

/// Whether a request would reach the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It would.
    Allowed,
    /// It would if its body passes.
    AllowedWithBody,
    /// The client would be redirected to the clean path.
    Redirected,
    /// It would not.
    Refused,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed | Self::AllowedWithBody => "allowed",
            Self::Redirected => "redirected",
            Self::Refused => "refused",
        }
    }
}

impl Question {
    /// Reads `METHOD PATH`.
    ///
    /// # Errors
    /// A clause about the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (method, target) =
            text.trim().split_once(' ').ok_or_else(|| "it has no path".to_owned())?;
        let target = target.trim();
        let method = Method::from_name(method)
            .ok_or_else(|| format!("{} is not a method", quoted(method)))?;
        if let Err(error) = Target::parse(target, method) {
            return Err(format!("{} is not a path: {error}", quoted(target)));
        }
        Ok(Self { method, target: target.to_owned() })
    }

    /// Judges the request by a policy.
    #[must_use]
    pub fn answer(&self, policy: &Policy) -> Answer {
        // It was parsed before, so this cannot fail.
        let Ok(target) = Target::parse(&self.target, self.method) else {
            return self.unreadable();
        };
        let (verdict, because) = judged(policy, self.method, &target);
        Answer {
            request: format!("{} {target}", self.method),
            verdict,
            operation: exact(self.method, target.path()),
            because,
        }
    }

    fn unreadable(&self) -> Answer {
        let because = "it is not a request".to_owned();
        let request = format!("{} {}", self.method, quoted(&self.target));
        Answer { request, verdict: Verdict::Refused, operation: None, because }
    }
}

fn judged(policy: &Policy, method: Method, target: &Target<'_>) -> (Verdict, String) {
    let path = target.path();
    let rule = match policy.rules().judge(method, path) {
        RuleVerdict::Allowed(rule) => rule,
        RuleVerdict::Denied(rule) => {
            let because = format!("denied by {}", shown_rule(rule, RULE_COLUMNS));
            return (Verdict::Refused, because);
        }
        RuleVerdict::MethodNotAllowed | RuleVerdict::PathNotAllowed { .. } => {
            let near = near_miss(policy.rules(), method, target);
            let near = near.map_or_else(String::new, |near| format!("{near}; "));
            let change = policy.source().allow(method, path);
            return (Verdict::Refused, format!("{near}to allow it, {change}"));
        }
    };
    let rule = format!("by {}", shown_rule(rule, RULE_COLUMNS));
    let rule = match policy.targets().check(method, path, target.query()) {
        Err(denial) => return (Verdict::Refused, denial.to_string()),
        Ok(true) => format!("{rule}, for targets only"),
        Ok(false) => rule,
    };
    match policy.bodies().inspection(method, path, target.query()) {
        Err(denial) => (Verdict::Refused, denial.to_string()),
        Ok(_) if target.had_doubled_slashes() => {
            (Verdict::Redirected, format!("to the path without doubled slashes, {rule}"))
        }
        Ok(None) => (Verdict::Allowed, rule),
        Ok(Some(_)) => (Verdict::AllowedWithBody, format!("{rule}, if its body passes")),
    }
}

/// `allowed GET /info`, then lines about the operation and the reason.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {}", self.verdict.as_str(), self.request)?;
        match self.operation {
            Some(operation) => {
                let (class, summary) = (operation.class(), operation.facts().summary);
                write!(f, "{:<10} {operation} {summary} ({}", "", class.as_str())?;
                if class >= Class::Secrets {
                    write!(f, ": {}", class.gives())?;
                }
                writeln!(f, ")")?;
            }
            None => writeln!(f, "{:<10} no operation of a known daemon", "")?,
        }
        writeln!(f, "{:<10} {}", "", self.because)
    }
}

impl Answer {
    /// As JSON, on the listener of this name.
    #[must_use]
    pub fn to_json(&self, listener: &str) -> Value {
        json!({
            "listener": listener,
            "request": self.request,
            "verdict": self.verdict.as_str(),
            "operation": self.operation.map(Operation::name),
            "class": self.operation.map(|operation| operation.class().as_str()),
            "because": self.because,
        })
    }

    /// Whether the daemon would get the request.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed | Verdict::AllowedWithBody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{BodyRules, ClientAllowlist, Rules, Source, TargetRules};

    fn policy(patterns: &[(Method, &str)]) -> Policy {
        let patterns = patterns.iter().map(|(method, p)| (*method, (*p).to_owned()));
        let rules = Rules::compile(patterns).unwrap();
        Policy::new(
            Source::default(),
            ClientAllowlist::default(),
            rules,
            BodyRules::default(),
            TargetRules::default(),
        )
    }

    #[test]
    fn an_answer_names_the_operation_and_the_rule_or_the_change() {
        let policy = policy(&[(Method::Get, "/containers/json|/x.*")]);
        let rows = [
            (
                "GET /containers/json?all=1",
                "allowed    GET /containers/json?all=1\n\
                 \u{20}          ContainerList lists containers (reads)\n\
                 \u{20}          by -allowGET=/containers/json|/x.*\n",
            ),
            (
                "GET /x%20y",
                "allowed    GET /x%20y\n\
                 \u{20}          no operation of a known daemon\n\
                 \u{20}          by -allowGET=/containers/json|/x.*\n",
            ),
            (
                " GET  //containers/json ",
                "redirected GET /containers/json\n\
                 \u{20}          ContainerList lists containers (reads)\n\
                 \u{20}          to the path without doubled slashes, by \
                 -allowGET=/containers/json|/x.*\n",
            ),
            (
                "POST /build",
                "refused    POST /build\n\
                 \u{20}          ImageBuild builds an image (host: root on the host)\n\
                 \u{20}          to allow it, add -allow=ImageBuild (builds an image)\n",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(Question::parse(text).unwrap().answer(&policy).to_string(), expected);
        }
        let near = Question::parse("GET /v1.41/containers/json").unwrap().answer(&policy);
        assert!(near.because.contains("does not match the version of the API"), "{near}");
    }

    #[test]
    fn a_line_that_is_no_request_is_explained() {
        let rows = [
            ("", "it has no path"),
            ("GET", "it has no path"),
            ("FETCH /x", "\"FETCH\" is not a method"),
            ("GET x", "\"x\" is not a path: "),
            ("GET /a/../b", "\"/a/../b\" is not a path: "),
            ("GET /\u{202e}", "\"/\\u{202e}\" is not a path: "),
        ];
        for (text, expected) in rows {
            let error = Question::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
