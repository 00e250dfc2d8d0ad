//! The fuzz targets' invariants on a stable toolchain: the corpus, and simple
//! mutations of it.
//!
//! `FUZZ_SECONDS` sets how long each target runs (default: a number of rounds
//! that takes about a second); `FUZZ_SEED` where the mutations begin. Coverage
//! guides nothing here: that is the purpose of `fuzz/`.

// The fuzz targets need them to be public; here they are a module.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/invariants.rs"]
mod invariants;

use crate::support::random::Random;
use crate::support::strict;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Mutations per target when no time is given.
const ROUNDS: u64 = 20_000;

/// Longest input that mutation makes.
const INPUT_BYTES_MAX: usize = 4096;

#[test]
fn request_heads_are_refused_or_print_the_same_for_ever() {
    smoke("request_head", invariants::request_head);
}

#[test]
fn response_heads_are_refused_or_print_the_same_for_ever() {
    smoke("response_head", invariants::response_head);
}

#[test]
fn accepted_targets_are_in_normal_form() {
    smoke("target", invariants::target);
}

#[test]
fn chunked_bodies_decode_alike_however_they_are_split() {
    smoke("chunked", invariants::chunked);
}

#[test]
fn translated_patterns_compile() {
    smoke("pattern", invariants::pattern);
}

#[test]
fn json_is_refused_or_printed_as_what_it_was() {
    smoke("json", invariants::json);
}

#[test]
fn bodies_are_refused_or_judged_to_what_passes_unchanged() {
    smoke("body", invariants::body);
}

fn smoke(target: &str, invariant: fn(&[u8])) {
    let corpus = corpus(target);
    for seed in &corpus {
        hold(invariant, seed);
    }
    let mut random = Random::new(number("FUZZ_SEED").unwrap_or(1));
    let end = number("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut rounds = 0;
    while end.map_or(rounds < ROUNDS, |end| Instant::now() < end) {
        hold(invariant, &mutated(&corpus, &mut random));
        rounds += 1;
    }
    println!("{target}: {} seeds, {rounds} mutations", corpus.len());
}

/// Runs an invariant; a failure shows the input.
fn hold(invariant: fn(&[u8]), input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| invariant(input))).is_err() {
        panic!("with the input b\"{}\"", input.escape_ascii());
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&directory).expect("the corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let corpus: Vec<_> = paths.iter().map(|path| std::fs::read(path).expect("a file")).collect();
    assert!(corpus.len() >= 5, "only {} files in {}", corpus.len(), directory.display());
    corpus
}

fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        mutate(&mut input, corpus, random);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let byte = u8::try_from(random.below(256)).unwrap_or(0);
    match random.below(6) {
        0 => input.insert(at, byte),
        1 => input.insert(at, b"\r\n :;/%.\0\t_-0{}[]()|\\"[random.below(21)]),
        2 if at < input.len() => input[at] = byte,
        3 if at < input.len() => drop(input.remove(at)),
        4 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            let piece = other[from..].iter().take(1 + random.below(32)).copied();
            drop(input.splice(at..at, piece.collect::<Vec<_>>()));
        }
        _ => {
            let end = (at + random.below(32)).min(input.len());
            let piece = input[at..end].to_vec();
            drop(input.splice(at..at, piece));
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
