//! The house rules, held by a test: direction of imports, no I/O in the pure
//! rooms, heads of files, sizes of files and functions.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that each room may import from the crate. Rooms that are not listed here
/// (main, examples) may import everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("json", &["text"]),
    ("http1", &["text"]),
    ("api", &["http1"]),
    ("filter", &["http1", "api", "json", "text"]),
    ("advice", &["http1", "api", "filter", "text"]),
    ("cgroup", &[]),
    ("large_stack", &[]),
    ("journal", &[]),
    ("config", &["about", "http1", "api", "filter", "advice", "cgroup", "large_stack", "text"]),
    ("logging", &["api", "config", "text"]),
    ("outcome", &["http1", "api", "filter", "text"]),
    ("judging", &["filter"]),
    ("about", &[]),
    ("metrics", &["http1", "api", "filter", "outcome"]),
    ("relay", &["http1"]),
    ("engine", &["http1", "relay"]),
    ("names", &["journal", "relay"]),
    (
        "rights",
        &[
            "http1",
            "filter",
            "advice",
            "judging",
            "cgroup",
            "large_stack",
            "relay",
            "config",
            "journal",
            "engine",
        ],
    ),
    (
        "session",
        &[
            "http1", "api", "filter", "advice", "config", "outcome", "judging", "relay", "names",
            "rights", "engine", "json", "metrics",
        ],
    ),
    ("commands", &["filter", "advice", "config", "text"]),
    ("activation", &[]),
    (
        "server",
        &[
            "http1",
            "journal",
            "filter",
            "judging",
            "config",
            "outcome",
            "relay",
            "names",
            "rights",
            "session",
            "activation",
            "metrics",
        ],
    ),
    ("stop", &[]),
    ("signals", &["stop"]),
    ("wait", &["stop", "relay"]),
    ("watchdog", &["stop", "text", "http1", "config", "journal", "engine", "relay", "metrics"]),
];

const PURE_ROOMS: [&str; 6] = ["text", "json", "http1", "api", "filter", "advice"];
const IMPURE: [&str; 11] = [
    "std::io::Read",
    "std::fs",
    "TcpStream",
    "UnixStream",
    "std::thread",
    "std::time",
    "rustix",
    "std::env",
    "std::process",
    "Mutex",
    "RwLock",
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    path: PathBuf,
    room: String,
    /// Without the tests at its end.
    code: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    assert!(found.len() > 20, "the sources were not found");
    let sources: Vec<Source> = found.into_iter().map(|path| read(&root, path)).collect();
    let texts: Vec<String> = sources.iter().map(|source| source.text.clone()).collect();
    let is_for_tests = |source: &Source| {
        let module = source.path.file_stem().unwrap().to_str().unwrap();
        let declares = |text: &String, module: &str| {
            ["mod", "pub(crate) mod"]
                .iter()
                .any(|start| text.contains(&format!("#[cfg(test)]\n{start} {module};")))
        };
        let is_part_of_tests = source.path.parent().is_some_and(|folder| folder.ends_with("tests"));
        is_part_of_tests || texts.iter().any(|text| declares(text, module))
    };
    sources.into_iter().filter(|source| !is_for_tests(source)).collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    let relative = path.strip_prefix(root).unwrap().to_owned();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    let room = first.trim_end_matches(".rs").to_owned();
    Source { path: relative, room, code, text }
}

/// Fails with all `faults` at once.
fn check(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn imports_go_one_way() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(room, _)| *room == source.room) else {
            continue;
        };
        for name in imported(&source) {
            if name != source.room && !allowed.contains(&name) {
                faults.push(format!("{}: imports {name}", source.path.display()));
            }
        }
    }
    check(&faults);
}

/// The rooms that a file names.
fn imported(source: &Source) -> impl Iterator<Item = &str> {
    let lines = source.code.lines().filter(|line| !is_comment(line));
    lines.flat_map(|line| line.split("crate::").skip(1)).map(|part| {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &part[..end.unwrap_or(part.len())]
    })
}

#[test]
fn every_room_is_in_the_table() {
    let rooms = sources().into_iter().map(|source| source.room);
    let known = |room: &String| {
        ["lib", "main", "bin"].contains(&room.as_str())
            || MAY_IMPORT.iter().any(|(listed, _)| listed == room)
    };
    check(&rooms.filter(|room| !known(room)).collect::<Vec<_>>());
}

#[test]
fn the_architecture_has_the_table_of_rooms() {
    let text = include_str!("../../ARCHITECTURE.md");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let shown: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| (cells(line)[1].replace('`', ""), cells(line)[4].clone()))
        .collect();
    let listed = |imports: &[&str]| match imports {
        [] => "–".to_owned(),
        imports => imports.join(", "),
    };
    let expected: Vec<_> =
        MAY_IMPORT.iter().map(|(room, imports)| ((*room).to_owned(), listed(imports))).collect();
    for row in &expected {
        assert!(shown.contains(row), "ARCHITECTURE.md lacks | `{}` | … | {} |", row.0, row.1);
    }
    assert_eq!(shown.len(), expected.len(), "a room of ARCHITECTURE.md is in no table here");
}

/// Readers follow a request through these files.
#[test]
fn the_walks_of_the_architecture_go_through_few_files_that_exist() {
    let text = include_str!("../../ARCHITECTURE.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let count = |part: &str| {
        let row = text.lines().find(|line| line.starts_with(&format!("| {part}")));
        let cells: Vec<&str> = row.expect(part).split('|').collect();
        let named = |cell: &str| -> Vec<String> {
            cell.split('`').skip(1).step_by(2).map(|name| format!("{name}.rs")).collect()
        };
        for file in cells[2..].iter().flat_map(|cell| named(cell)) {
            assert!(root.join(&file).is_file(), "src/{file} of the walk is missing");
        }
        named(cells[2]).len()
    };
    let verdict = count("from bytes to a verdict");
    let (denied, allowed) = (verdict + count("denied"), verdict + count("allowed"));
    let summary =
        format!("A denied path goes through {denied} files, an allowed head through {allowed}.");
    assert!(text.contains(&summary), "{summary}");
    assert!(denied <= 9 && allowed <= 12, "{summary}");
}

#[test]
fn no_room_is_in_the_table_twice_or_may_import_what_it_does_not() {
    let sources = sources();
    let mut faults = Vec::new();
    for (index, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        if MAY_IMPORT[..index].iter().any(|(other, _)| other == room) {
            faults.push(format!("{room} is there twice"));
        }
        for other in *allowed {
            let imports = |source: &Source| {
                source.room == *room && imported(source).any(|name| name == *other)
            };
            if !sources.iter().any(imports) {
                faults.push(format!("{room} does not import {other}"));
            }
        }
    }
    check(&faults);
}

#[test]
fn the_pure_rooms_do_no_io_and_know_no_clock() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| PURE_ROOMS.contains(&source.room.as_str())) {
        for line in source.code.lines().filter(|line| !is_comment(line)) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}: uses {word}", source.path.display()));
            }
        }
    }
    check(&faults);
}

#[test]
fn every_file_opens_by_saying_what_it_does() {
    let silent = |source: &&Source| !source.text.starts_with("//! ");
    let faults: Vec<_> =
        sources().iter().filter(silent).map(|s| s.path.display().to_string()).collect();
    check(&faults);
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.code.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            faults.push(format!("{}: {} lines", source.path.display(), lines.len()));
        }
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[start..].iter().position(|line| *line == end).unwrap_or(0) + 1;
            if length > FUNCTION_LINES_MAX {
                faults.push(format!("{}: {} ({length})", source.path.display(), line.trim()));
            }
        }
    }
    check(&faults);
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest)
    });
    line.trim_start().trim_start_matches("const ").starts_with("fn ")
}

#[test]
fn nothing_outside_of_tests_can_panic_by_unwrapping() {
    let mut faults = Vec::new();
    for source in sources() {
        for line in source.code.lines().filter(|line| !is_comment(line)) {
            for word in [".unwrap()", ".expect(\"", "panic!", "todo!", "unimplemented!"] {
                if line.contains(word) {
                    faults.push(format!("{}: {}", source.path.display(), line.trim()));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn every_file_of_the_integration_tests_is_compiled() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut faults = Vec::new();
    for folder in ["", "engine", "engine/targets", "podman", "support"] {
        let parent = if folder.is_empty() { "main" } else { folder };
        let declared = fs::read_to_string(tests.join(format!("it/{parent}.rs"))).unwrap();
        for module in modules(&tests.join("it").join(folder)) {
            if !declared.contains(&format!("mod {module};")) && module != "main" {
                faults.push(format!("it/{parent}.rs does not declare {module}"));
            }
        }
    }
    // Each file here would be linked as a crate of its own.
    faults.extend(modules(&tests).into_iter().filter(|name| name != "allocations"));
    check(&faults);
}

/// Else a run against another build, by `SOCKET_PROXY_BINARY`, would test this one.
#[test]
fn the_tests_find_the_programs_in_one_place() {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut found);
    found.retain(|path| fs::read_to_string(path).unwrap().contains(concat!("CARGO_BIN", "_EXE")));
    let [place] = &found[..] else { panic!("{found:?}") };
    assert!(place.ends_with("support/proxy.rs"), "{place:?}");
}

/// The names of the Rust files in a folder.
fn modules(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let rust = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}
