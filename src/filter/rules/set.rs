//! Patterns of one method as one automaton, which says which of them matches.
//!
//! The automaton is built while it judges. Its states are kept in caches, one for
//! each thread that judges at the same time; the caller bounds their number.

use super::super::go_regexp::{NEST_MAX, Translated};
use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// Room beyond the weight of its patterns that a set may take when compiled.
const SET_BYTES: usize = 1 << 20;

/// The same for each pattern: its anchors, and its place in the set.
const PATTERN_BYTES: usize = 512;

/// The maximum size of one cache of a set. A thousand patterns need some 1 MiB;
/// a set that would need more judges without a cache, hundreds of times slower.
const CACHE_BYTES_MAX: usize = 2 << 20;

/// Patterns that weigh more than this judge no text beyond [`HEAVY_TEXT_BYTES_MAX`]:
/// the time for a text grows with both. Hundreds of ordinary patterns weigh less.
const HEAVY: u64 = 1 << 20;

/// Longest text for heavy patterns. Real paths have some hundred bytes.
const HEAVY_TEXT_BYTES_MAX: usize = 8 * 1024;

/// Compiled patterns.
#[derive(Debug)]
pub(in crate::filter) struct Set {
    regex: Regex,
    anchored: Anchored,
    text_bytes_max: usize,
}

/// Patterns that are translated and weighed, and not compiled yet.
#[derive(Debug, Default)]
pub(in crate::filter) struct SetDraft {
    regexes: Vec<String>,
    weight: u64,
}

impl SetDraft {
    pub(in crate::filter) fn is_empty(&self) -> bool {
        self.regexes.is_empty()
    }

    /// Adds a pattern that must match the whole text.
    pub(in crate::filter) fn add_whole(&mut self, translated: &Translated) {
        self.add(format!(r"\A(?:{})\z", translated.regex), translated.weight);
    }

    /// Adds a pattern that has anchors of its own.
    pub(in crate::filter) fn add_as_is(&mut self, translated: Translated) {
        self.add(translated.regex, translated.weight);
    }

    fn add(&mut self, regex: String, weight: u64) {
        self.weight = self.weight.saturating_add(weight);
        self.regexes.push(regex);
    }

    /// Compiles a set whose patterns begin at the start of the text if they are
    /// `anchored`.
    pub(in crate::filter) fn compile(self, anchored: Anchored) -> Result<Set, Box<BuildError>> {
        let weight = usize::try_from(self.weight).unwrap_or(usize::MAX);
        let each = self.regexes.len().saturating_mul(PATTERN_BYTES);
        let config = Config::new()
            .nfa_size_limit(Some(weight.saturating_add(each).saturating_add(SET_BYTES)))
            .hybrid_cache_capacity(CACHE_BYTES_MAX);
        let regex = Regex::builder()
            .configure(config)
            .syntax(syntax::Config::new().nest_limit(NEST_MAX))
            .build_many(&self.regexes)
            .map_err(Box::new)?;
        let text_bytes_max = if self.weight > HEAVY { HEAVY_TEXT_BYTES_MAX } else { usize::MAX };
        Ok(Set { regex, anchored, text_bytes_max })
    }
}

impl Set {
    /// The place of the first pattern that matches. Does not allocate once it is
    /// warm.
    pub(in crate::filter) fn first_match(&self, text: &str) -> Option<usize> {
        if text.len() > self.text_bytes_max {
            return None;
        }
        let input = Input::new(text).anchored(self.anchored).earliest(true);
        self.regex.search_half(&input).map(|found| found.pattern().as_usize())
    }
}
