//! The tables as documentation: `docs/safe-create-fields.md`. The test compares the
//! file with the tables; `scripts/generate` writes it.

use super::table::{FieldTable, Judgement, Row, Values};
use super::{Kind, container, libpod, mounts, network, query, service};
use crate::json::reads_alike;
use std::fs;
use std::path::Path;

const PATH: &str = "docs/safe-create-fields.md";

const HEAD: &str = "\
# Fields and values of safe create

Made from `src/filter/bodies/safe` by `scripts/generate`. Do not edit.

With `-safecreate` a request passes if each of its fields is in these tables and has a
value that passes. `null`, `\"\"`, `0`, `false`, `[]` and `{}` of fields outside the tables
are removed from the forwarded body. A field of the tables must be spelled exactly, unless
all of its values pass. An item of `-safecreateallow` opens other values.

";

/// The tables with which the documentation begins; those within them follow.
fn roots() -> Vec<&'static FieldTable> {
    let engine = [
        &container::CREATE,
        &container::UPDATE,
        &container::START,
        &container::EXEC,
        &mounts::VOLUME_CREATE,
        &network::CREATE,
        &network::CONNECT,
        &network::ENDPOINT,
        &service::SERVICE,
        &service::SECRET,
        &query::BUILD,
        &query::BUILD_LIBPOD,
        &query::IMAGE_CREATE,
        &query::START,
    ];
    engine.into_iter().chain(libpod::documented()).collect()
}

/// All tables, each once.
fn all() -> Vec<&'static FieldTable> {
    let mut found: Vec<&'static FieldTable> = Vec::new();
    roots().into_iter().for_each(|table| collect(table, &mut found));
    found
}

fn collect(table: &'static FieldTable, found: &mut Vec<&'static FieldTable>) {
    if found.iter().any(|other| other.title == table.title) {
        return;
    }
    found.push(table);
    table.also.iter().for_each(|table| collect(table, found));
    table.rows.iter().for_each(|row| collect_values(&row.values, found));
}

fn collect_values(values: &'static Values, found: &mut Vec<&'static FieldTable>) {
    match values {
        Values::Object(table) => collect(table, found),
        Values::Each(values) | Values::MapOf(values) => collect_values(values, found),
        Values::By(Judgement { tables, .. }) => {
            tables.iter().for_each(|table| collect(table, found));
        }
        _ => {}
    }
}

fn markdown() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("## Items of `-safecreateallow`\n\n| item | opens |\n|---|---|\n");
    for kind in Kind::ALL {
        let forms = kind.forms().iter().map(|form| format!("`{form}`")).collect::<Vec<_>>();
        text.push_str(&format!("| {} | {} |\n", forms.join(", "), kind.opens()));
    }
    for table in all() {
        text.push_str(&format!("\n## {}\n\nSource: {}", table.title, table.source));
        for also in table.also {
            text.push_str(&format!("; and all fields of “{}”", also.title));
        }
        text.push_str("\n\n| field | passes | opened by | note |\n|---|---|---|---|\n");
        table.rows.iter().for_each(|row| text.push_str(&line(row)));
    }
    text
}

fn line(Row { name, values, note }: &Row) -> String {
    let opened_by: Vec<String> = opened_by(values).iter().map(|item| format!("`{item}`")).collect();
    format!("| `{name}` | {} | {} | {note} |\n", passes(values), opened_by.join(", "))
}

fn passes(values: &Values) -> String {
    let words = |words: &[&str]| {
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    };
    match values {
        Values::Any => "everything".to_owned(),
        Values::Text => "any string".to_owned(),
        Values::Texts => "any list of strings".to_owned(),
        Values::Number => "any integer".to_owned(),
        Values::Truth => "`true` and `false`".to_owned(),
        Values::False(_) => "`false`".to_owned(),
        Values::Empty(_) => "nothing".to_owned(),
        Values::Words([], _) => "the empty string".to_owned(),
        Values::Words(known, _) => format!("the empty string, {}", words(known)),
        Values::Keys([], _) => "no key".to_owned(),
        Values::Keys(known, _) => format!("strings with the keys {}", words(known)),
        Values::Each(values) => format!("a list, of each item: {}", passes(values)),
        Values::MapOf(values) => format!("a map, of each value: {}", passes(values)),
        Values::Object(table) => format!("see “{}”", table.title),
        Values::By(judgement) => judgement.passes.to_owned(),
    }
}

fn opened_by(values: &Values) -> Vec<String> {
    let named = |kind: &Kind| match kind.forms().as_slice() {
        [form] => form.clone(),
        forms => forms.join(", "),
    };
    match values {
        Values::False(kind) | Values::Keys(_, kind) => vec![named(kind)],
        Values::Empty(kind) | Values::Words(_, kind) => kind.iter().map(named).collect(),
        Values::Each(values) | Values::MapOf(values) => opened_by(values),
        Values::By(judgement) => judgement.opened_by.iter().map(named).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_tables_are_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH);
    if std::env::var_os("SOCKET_PROXY_GENERATE").is_some() {
        return fs::write(path, markdown()).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == markdown(), "{PATH} is not up to date; run scripts/generate");
}

/// The judge looks rows up by bisection.
#[test]
fn rows_are_sorted_and_no_two_names_read_alike() {
    for table in all() {
        let rows = || table.rows.iter().chain(table.also.iter().flat_map(|also| also.rows));
        assert!(table.rows.is_sorted_by(|one, other| one.name < other.name), "{}", table.title);
        for (index, row) in rows().enumerate() {
            for other in rows().skip(index + 1) {
                let (one, other) = (row.name, other.name);
                assert!(!reads_alike(one, other), "{}: {one} {other}", table.title);
            }
        }
    }
}

#[test]
fn titles_are_unique() {
    let tables = all();
    for (index, table) in tables.iter().enumerate() {
        for other in &tables[index + 1..] {
            assert!(table.title != other.title || std::ptr::eq(*table, *other), "{}", table.title);
        }
    }
}
