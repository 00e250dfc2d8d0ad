//! Queries: filters of lists, events and prunes, and references to containers.
//!
//! **Invariant:** a query about targets is read as strictly as a body, and printed
//! by us: one `filters`, in one form.

use super::TargetDenial;
use super::TargetKind::{Container, Network};
use super::labels::TargetLabel;
use super::search::Resolver;
use crate::api::Operation;
use crate::filter::bodies::query::{Parameter, parameters};
use crate::http1::percent_encoded;
use crate::json::{Shape, Tree};
use crate::text::{Escaped, print_json_string, quoted};
use std::borrow::Cow;

/// Filters are a map of maps.
const FILTERS: Shape = Shape::Map(&Shape::Map(&Shape::Any));

/// Networks of builds and containers that are nobody's.
pub(super) const OPEN_NETWORKS: [&str; 5] = ["", "default", "bridge", "none", "host"];

/// A type that no event has.
const NO_TYPE: &str = "none";

/// A query as a list of decoded parameters.
#[derive(Debug)]
pub(super) struct Query(Vec<Parameter>);

/// Filters by name, each with its values.
#[derive(Debug, Default)]
struct Filters(Vec<(String, Vec<Value>)>);

/// A value, and the truth that it has in the newer form. One that is `false` filters
/// like any other, but for switches such as `dangling`, where it is an error.
#[derive(Debug)]
struct Value {
    text: String,
    truth: bool,
}

impl Query {
    pub(super) fn read(query: Option<&str>) -> Result<Self, TargetDenial> {
        let parameters = parameters(query.unwrap_or_default())
            .map_err(|refusal| TargetDenial::Query(refusal.to_string().into()))?;
        Ok(Self(parameters))
    }

    pub(super) fn print(&self) -> Option<String> {
        let pair = |Parameter { name, value }: &Parameter| {
            format!("{}={}", percent_encoded(name), percent_encoded(value))
        };
        let pairs: Vec<String> = self.0.iter().map(pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }

    /// Limits a list, a prune or events to things with these labels.
    pub(super) fn limit(
        &mut self,
        operation: Operation,
        labels: &[TargetLabel],
        resolver: &mut Resolver<'_>,
    ) -> Result<(), TargetDenial> {
        // Of repeated ones the daemon takes the first, even if it is empty.
        let given = self.0.iter().find(|parameter| parameter.name == "filters");
        let mut filters = Filters::read(given.map_or("", |parameter| &parameter.value))?;
        self.0.retain(|parameter| parameter.name != "filters");
        match operation {
            Operation::ContainerList => {
                let in_query = self.0.iter_mut().map(|p| (p.name.as_str(), &mut p.value));
                let in_filters = filters.0.iter_mut().flat_map(|(name, values)| {
                    values.iter_mut().map(|value| (name.as_str(), &mut value.text))
                });
                for (name, reference) in in_query.chain(in_filters) {
                    if matches!(name, "before" | "since") && !reference.is_empty() {
                        *reference = resolver.target(Container, reference)?.id;
                    }
                }
            }
            Operation::SystemEvents => filters.limit_types(),
            _ => {}
        }
        labels.iter().for_each(|label| filters.add("label", label.pair()));
        self.0.push(Parameter { name: "filters".to_owned(), value: filters.print() });
        Ok(())
    }

    /// Replaces the container that the only parameter of that name names.
    pub(super) fn replace_container(
        &mut self,
        name: &str,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), TargetDenial> {
        let mut named = self.0.iter_mut().filter(|parameter| parameter.name == name);
        match (named.next(), named.next()) {
            (Some(only), None) => {
                only.value = resolver.target(Container, &only.value)?.id;
                Ok(())
            }
            (None, _) => Err(TargetDenial::Query(format!("{name} is missing").into())),
            _ => Err(TargetDenial::Query(format!("{name} is given twice").into())),
        }
    }

    /// Judges the network that a build uses.
    pub(super) fn limit_build(&mut self, resolver: &mut Resolver<'_>) -> Result<(), TargetDenial> {
        for parameter in self.0.iter_mut().filter(|parameter| parameter.name == "networkmode") {
            let mode = &parameter.value;
            if OPEN_NETWORKS.contains(&mode.as_str()) {
                continue;
            }
            parameter.value = match mode.strip_prefix("container:") {
                Some(container) => {
                    format!("container:{}", resolver.target_in_body(Container, container)?.id)
                }
                None => resolver.target_in_body(Network, mode)?.id,
            };
        }
        Ok(())
    }

    /// Judges the arguments of `ps`. The daemon runs it on the host and keeps the lines
    /// whose first column named `PID` has a process of the container, so that a column
    /// that is renamed, or that has spaces and comes before, shows processes of others.
    pub(super) fn limit_processes(&self) -> Result<(), TargetDenial> {
        let mut given = self.0.iter().filter(|parameter| parameter.is("ps_args"));
        match given.all(|parameter| is_plain_ps(&parameter.value)) {
            true => Ok(()),
            false => Err(TargetDenial::Query(
                "ps_args: only plain styles such as aux and -ef can be limited to a container, \
                 and -eo with pid as its first column"
                    .into(),
            )),
        }
    }

    /// Judges a start: a checkpoint may be that of another container.
    pub(super) fn limit_start(&self) -> Result<(), TargetDenial> {
        let is_checkpoint = |p: &Parameter| p.is("checkpoint") || p.is("checkpoint-dir");
        match self.0.iter().any(|p| is_checkpoint(p) && !p.value.is_empty()) {
            true => Err(TargetDenial::Query("checkpoints cannot be limited".into())),
            false => Ok(()),
        }
    }

    /// Takes parameters away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|parameter| parameter.name != name);
    }
}

/// Whether these arguments of `ps` print the process's id in the first column that is
/// named so, and no spaces before it.
fn is_plain_ps(arguments: &str) -> bool {
    const STYLES: [&str; 16] = [
        "", "-e", "-A", "-ef", "-Af", "-eF", "-efww", "-ely", "a", "x", "ax", "aux", "auxw",
        "auxww", "axu", "-aux",
    ];
    const OWN_COLUMNS: [&str; 5] = ["-eo ", "-Ao ", "-o ", "axo ", "o "];
    let is_column = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b"_%".contains(&b))
    };
    let columns = OWN_COLUMNS.iter().find_map(|option| arguments.strip_prefix(option));
    STYLES.contains(&arguments)
        || columns.is_some_and(|columns| {
            columns.split(',').next() == Some("pid") && columns.split(',').all(is_column)
        })
}

impl Filters {
    /// Reads both historic forms: `{"label":{"a=b":true}}` and `{"label":["a=b"]}`.
    fn read(text: &str) -> Result<Self, TargetDenial> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let wrong = |why: String| TargetDenial::Query(format!("filters: {why}").into());
        let tree = Tree::parse_shaped(text.as_bytes(), &FILTERS)
            .map_err(|error| wrong(error.to_string()))?;
        let members = match tree {
            Tree::Object(members) => members,
            Tree::Null => return Ok(Self::default()),
            _ => return Err(wrong("they are not an object".to_owned())),
        };
        let (mut filters, mut forms) = (Self::default(), [false; 2]);
        for (name, values) in members {
            let values = match values {
                Tree::Null => Vec::new(),
                Tree::Object(values) => {
                    forms[0] = true;
                    let value = |(text, truth): (Cow<'_, str>, Tree<'_>)| match truth {
                        Tree::Bool(truth) => Ok(Value { text: text.into_owned(), truth }),
                        Tree::Null => Ok(Value { text: text.into_owned(), truth: false }),
                        _ => Err(wrong(format!(
                            "{} has a value that is neither true nor false",
                            quoted(&name)
                        ))),
                    };
                    values.into_iter().map(value).collect::<Result<_, _>>()?
                }
                Tree::Array(values) => {
                    forms[1] = true;
                    let value = |value| match value {
                        Tree::String(text) => Ok(Value { text: text.into_owned(), truth: true }),
                        _ => Err(wrong(format!(
                            "{} has a value that is not a string",
                            quoted(&name)
                        ))),
                    };
                    values.into_iter().map(value).collect::<Result<_, _>>()?
                }
                _ => {
                    return Err(wrong(format!(
                        "{} is neither an object nor an array",
                        quoted(&name)
                    )));
                }
            };
            filters.0.push((name.into_owned(), values));
        }
        match forms {
            [true, true] => Err(wrong("they mix objects and arrays".to_owned())),
            _ => Ok(filters),
        }
    }

    fn add(&mut self, name: &str, text: String) {
        let value = Value { text, truth: true };
        match self.0.iter_mut().find(|(of, _)| of == name) {
            Some((_, values)) => {
                values.retain(|other| other.text != value.text);
                values.push(value);
            }
            None => self.0.push((name.to_owned(), vec![value])),
        }
    }

    /// Only events of containers carry the labels. A client that wants others gets an
    /// open stream without any.
    fn limit_types(&mut self) {
        let wanted = self.0.iter().find(|(name, _)| name == "type").map(|(_, values)| values);
        let has_containers = wanted
            .is_none_or(|types| types.is_empty() || types.iter().any(|t| t.text == "container"));
        let only = if has_containers { "container" } else { NO_TYPE };
        self.0.retain(|(name, _)| name != "type");
        self.add("type", only.to_owned());
    }

    /// In the form that all versions of the API read alike.
    fn print(&self) -> String {
        let mut out = String::from("{");
        for (index, (name, values)) in self.0.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            print_json_string(name, Escaped::AsNeeded, &mut out);
            out.push_str(":{");
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                print_json_string(&value.text, Escaped::AsNeeded, &mut out);
                out.push_str(if value.truth { ":true" } else { ":false" });
            }
            out.push('}');
        }
        out.push('}');
        out
    }
}
