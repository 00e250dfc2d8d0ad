//! Documents lead somewhere: each page begins with its reader's question, and each
//! link within the repository has a target.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Tables for reference, to which other pages lead.
const NO_QUESTION: [&str; 1] = ["safe-create-fields.md"];

/// Lines of two screens.
const TWO_SCREENS: usize = 80;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let of = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    let mut pages: Vec<_> = of(root().join("docs")).chain(of(root().into())).collect();
    pages.retain(is_page);
    pages.sort();
    pages
}

/// The text without blocks of code.
fn prose(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("```").step_by(2).collect()
}

/// The anchors that headings have on GitHub.
fn anchors(path: &Path) -> BTreeSet<String> {
    let text = prose(path);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

/// The targets of links: `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_page_begins_with_the_question_of_its_reader() {
    for path in pages().iter().filter(|path| path.parent() == Some(&root().join("docs"))) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        let title = text.lines().next().unwrap_or_default();
        let is_question = title.starts_with("# ") && title.ends_with('?');
        assert!(is_question || NO_QUESTION.contains(&name), "{name}: {title}");
    }
}

#[test]
fn every_link_within_the_repository_has_a_target() {
    let mut count = 0;
    for path in pages() {
        let text = prose(&path);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            let is_there = anchor.is_empty() || anchors(&target).contains(anchor);
            assert!(is_there, "{}: {link} has no heading", path.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::from([root().join("README.md")]);
    let mut waiting: Vec<PathBuf> = reached.iter().cloned().collect();
    while let Some(page) = waiting.pop() {
        for link in links(&prose(&page)).filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap_or_default();
            let Ok(target) = page.parent().unwrap().join(file).canonicalize() else { continue };
            let is_page = target.extension().is_some_and(|end| end == "md");
            if is_page && reached.insert(target.clone()) {
                waiting.push(target);
            }
        }
    }
    let docs = root().join("docs");
    for page in pages().into_iter().filter(|page| page.starts_with(&docs)) {
        assert!(reached.contains(&page.canonicalize().unwrap()), "{}", page.display());
    }
}

#[test]
fn the_readme_has_a_working_example_within_two_screens() {
    let readme = include_str!("../../README.md");
    let example = readme.lines().position(|line| line == "```yaml").unwrap();
    let lines = readme.lines().skip(example + 1).take_while(|line| *line != "```").count();
    assert!(example + lines <= TWO_SCREENS, "it ends in line {}", example + lines);
}
