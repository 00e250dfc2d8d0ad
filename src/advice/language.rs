//! Which operations does a pattern open? Decided on languages, not on samples.
//!
//! A pattern opens an operation if some path is in both languages and in normal
//! form. Three automata walk side by side over all paths, the shortest first:
//! the pattern, the routes of every operation of a method, and the paths that
//! the proxy does not refuse. The first path on which all three agree is the
//! witness of an operation.
//!
//! **Invariant:** a finding has a witness. Where the search would take more than
//! its bounds, the result is marked instead of being silently incomplete.

use crate::api::Operation;
use crate::http1::Method;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::collections::HashSet;

/// Paths that the proxy does not refuse as such: segments that are neither empty
/// nor dots, one slash at the end at most, no control, `\` or `%`.
const NORMAL: &str = r"\A(?:/(?:SEGMENT(?:/SEGMENT)*/?)?)\z";
const SEGMENT: &str = r"(?:[^/.BAD][^/BAD]*|\.(?:[^/.BAD][^/BAD]*|\.[^/BAD]+))";
const BAD: &str = r"\x00-\x1f\x7f\x{80}-\x{9f}\\%";

/// The most combined states that a search visits.
const STATES_MAX: usize = 200_000;
/// The memory limit of the automaton of one pattern.
const PATTERN_CACHE_BYTES_MAX: usize = 8 << 20;
/// The memory limit of the automata of the table and of normal form.
const TABLE_CACHE_BYTES_MAX: usize = 16 << 20;

/// One operation that a pattern opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation.
    pub operation: Operation,
    /// A shortest path that the pattern matches and that means the operation.
    pub witness: String,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The operations, in the order of their witnesses' lengths.
    pub findings: Vec<Finding>,
    /// Whether these are all.
    pub extent: Extent,
}

/// How far a search went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// There are no others.
    All,
    /// The bounds were reached; there may be others.
    NotDecided,
}

/// A pattern whose automaton cannot be built within the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// The operations of one method, ready for searches.
#[derive(Debug)]
pub struct Table {
    routes: Automaton,
    normal: Automaton,
    /// The operation of each route in `routes`, in the order of the table.
    operations: Vec<Operation>,
}

impl Table {
    /// The operations that have routes with this method.
    ///
    /// # Errors
    /// [`TooLarge`], which the table of operations is not.
    pub fn new(method: Method) -> Result<Self, TooLarge> {
        Self::of(method, |_| true)
    }

    /// Some of these operations. A path that is routed to another one first is taken
    /// for the wanted one.
    ///
    /// # Errors
    /// Likewise.
    pub fn of(method: Method, is_wanted: impl Fn(Operation) -> bool) -> Result<Self, TooLarge> {
        let (mut operations, mut patterns) = (Vec::new(), Vec::new());
        for &operation in Operation::ALL.iter().filter(|operation| is_wanted(**operation)) {
            for (_, pattern) in operation.patterns().filter(|(m, _)| *m == method) {
                operations.push(operation);
                patterns.push(format!(r"\A(?:{pattern})\z"));
            }
        }
        let normal = NORMAL.replace("SEGMENT", SEGMENT).replace("BAD", BAD);
        Ok(Self {
            routes: Automaton::new(&patterns, TABLE_CACHE_BYTES_MAX)?,
            normal: Automaton::new(&[normal], TABLE_CACHE_BYTES_MAX)?,
            operations,
        })
    }

    /// The operations that a pattern in the `regex` crate's dialect opens.
    ///
    /// # Errors
    /// [`TooLarge`] if the pattern's automaton has no room within the bounds.
    pub fn opened_by(&mut self, regex: &str) -> Result<Opened, TooLarge> {
        self.opened_but(regex, |_| false, &mut { STATES_MAX })
    }

    /// The operations that a pattern opens, without the denied ones. Visits at
    /// most `states_left` combined states, and counts it down.
    ///
    /// # Errors
    /// [`TooLarge`] if the pattern's automaton has no room within the bounds.
    pub fn opened_but(
        &mut self,
        regex: &str,
        is_denied: impl Fn(Operation) -> bool,
        states_left: &mut usize,
    ) -> Result<Opened, TooLarge> {
        let pattern = Automaton::new(&[format!(r"\A(?:{regex})\z")], PATTERN_CACHE_BYTES_MAX)?;
        let states_max = STATES_MAX.min(*states_left);
        let search = Search::new(self, pattern, &is_denied, states_max);
        let (opened, states) = search.run();
        *states_left = states_left.saturating_sub(states);
        if opened.extent == Extent::NotDecided {
            self.forget();
        }
        Ok(opened)
    }

    /// Makes room: a full automaton cannot decide anything.
    fn forget(&mut self) {
        for automaton in [&mut self.routes, &mut self.normal] {
            automaton.cache.reset(&automaton.dfa);
        }
    }
}

/// An automaton over whole paths that is built as it is walked.
#[derive(Debug)]
struct Automaton {
    dfa: DFA,
    cache: Cache,
}

/// The automaton has reached its bound.
struct Exhausted;

impl Automaton {
    fn new(patterns: &[String], cache_bytes_max: usize) -> Result<Self, TooLarge> {
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(cache_bytes_max)
            .skip_cache_capacity_check(true)
            // A cleared cache would forget which state is which.
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().nest_limit(crate::filter::go_regexp::NEST_MAX))
            .build_many(patterns)
            .map_err(|_| TooLarge)?;
        let cache = dfa.create_cache();
        Ok(Self { dfa, cache })
    }

    fn start(&mut self) -> Result<LazyStateID, Exhausted> {
        let input = Input::new("").anchored(Anchored::Yes);
        self.dfa.start_state_forward(&mut self.cache, &input).map_err(|_| Exhausted)
    }

    /// The state behind one byte; `None` if nothing can match any more.
    fn next(&mut self, state: LazyStateID, byte: u8) -> Result<Option<LazyStateID>, Exhausted> {
        let next = self.dfa.next_state(&mut self.cache, state, byte).map_err(|_| Exhausted)?;
        Ok((!next.is_dead() && !next.is_quit()).then_some(next))
    }

    /// The patterns that match if the path ends here.
    fn matches(&mut self, state: LazyStateID) -> Result<Vec<usize>, Exhausted> {
        let end = self.dfa.next_eoi_state(&mut self.cache, state).map_err(|_| Exhausted)?;
        if !end.is_match() {
            return Ok(Vec::new());
        }
        let count = self.dfa.match_len(&self.cache, end);
        Ok((0..count).map(|i| self.dfa.match_pattern(&self.cache, end, i).as_usize()).collect())
    }
}

/// The states of the three automata at one place of a path.
type States = [LazyStateID; 3];

/// A place that the search has reached.
struct Place {
    states: States,
    /// The place before, and the byte that led here.
    reached_by: Option<(usize, u8)>,
}

struct Search<'t> {
    table: &'t mut Table,
    pattern: Automaton,
    is_denied: &'t dyn Fn(Operation) -> bool,
    states_max: usize,
    bytes: Vec<u8>,
    places: Vec<Place>,
    seen: HashSet<States>,
    findings: Vec<Finding>,
}

impl<'t> Search<'t> {
    fn new(
        table: &'t mut Table,
        pattern: Automaton,
        is_denied: &'t dyn Fn(Operation) -> bool,
        states_max: usize,
    ) -> Self {
        let bytes = representatives(&[&pattern.dfa, &table.routes.dfa, &table.normal.dfa]);
        Self {
            table,
            pattern,
            is_denied,
            states_max,
            bytes,
            places: Vec::new(),
            seen: HashSet::new(),
            findings: Vec::new(),
        }
    }

    /// The result, and the number of visited states.
    fn run(mut self) -> (Opened, usize) {
        let extent = match self.walk() {
            Ok(()) => Extent::All,
            Err(Exhausted) => Extent::NotDecided,
        };
        (Opened { findings: self.findings, extent }, self.places.len())
    }

    fn walk(&mut self) -> Result<(), Exhausted> {
        let start = [self.pattern.start()?, self.table.routes.start()?, self.table.normal.start()?];
        self.reach(start, None)?;
        let mut at = 0;
        while let Some(states) = self.places.get(at).map(|place| place.states) {
            self.note(at, states)?;
            for position in 0..self.bytes.len() {
                let Some(&byte) = self.bytes.get(position) else { break };
                if let Some(next) = self.step(states, byte)? {
                    self.reach(next, Some((at, byte)))?;
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn step(&mut self, [p, r, n]: States, byte: u8) -> Result<Option<States>, Exhausted> {
        let Some(n) = self.table.normal.next(n, byte)? else { return Ok(None) };
        let Some(r) = self.table.routes.next(r, byte)? else { return Ok(None) };
        Ok(self.pattern.next(p, byte)?.map(|p| [p, r, n]))
    }

    fn reach(&mut self, states: States, reached_by: Option<(usize, u8)>) -> Result<(), Exhausted> {
        if !self.seen.insert(states) {
            return Ok(());
        }
        if self.places.len() >= self.states_max {
            return Err(Exhausted);
        }
        self.places.push(Place { states, reached_by });
        Ok(())
    }

    /// Notes the operation that the daemon would route the path to here, unless
    /// the path touches a denied one.
    fn note(&mut self, at: usize, [p, r, n]: States) -> Result<(), Exhausted> {
        let routes = self.table.routes.matches(r)?.into_iter();
        let operations: Vec<Operation> =
            routes.filter_map(|route| self.table.operations.get(route).copied()).collect();
        // Rows and routes have one order, and the earlier row is routed to.
        let Some(&operation) = operations.iter().min() else { return Ok(()) };
        if operations.iter().any(|operation| (self.is_denied)(*operation))
            || self.findings.iter().any(|finding| finding.operation == operation)
            || self.table.normal.matches(n)?.is_empty()
            || self.pattern.matches(p)?.is_empty()
        {
            return Ok(());
        }
        self.findings.push(Finding { operation, witness: self.path_to(at) });
        Ok(())
    }

    fn path_to(&self, mut at: usize) -> String {
        let mut bytes = Vec::new();
        while let Some((before, byte)) = self.places.get(at).and_then(|place| place.reached_by) {
            bytes.push(byte);
            at = before;
        }
        bytes.reverse();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// One byte, readable where possible, for each set of bytes that no automaton distinguishes.
fn representatives(automata: &[&DFA]) -> Vec<u8> {
    let mut seen = HashSet::new();
    let readable = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').chain(b'!'..=b'~');
    readable
        .chain(0..=u8::MAX)
        .filter(|&byte| {
            let classes: Vec<u8> =
                automata.iter().map(|dfa| dfa.byte_classes().get(byte)).collect();
            seen.insert(classes)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::go_regexp::translate;

    fn opened(method: Method, pattern: &str) -> Opened {
        Table::new(method).unwrap().opened_by(&translate(pattern).unwrap().regex).unwrap()
    }

    fn check(pattern: &str, expected: &[(&str, &str)]) {
        let opened = opened(Method::Get, pattern);
        let found: Vec<_> = opened
            .findings
            .iter()
            .map(|finding| (finding.operation.name(), finding.witness.as_str()))
            .collect();
        assert_eq!(found, expected, "{pattern}");
        assert_eq!(opened.extent, Extent::All, "{pattern}");
    }

    #[test]
    fn a_pattern_opens_what_it_has_a_path_of() {
        check("/info", &[("SystemInfo", "/info")]);
        check("/v1\\.[0-9]+/info", &[("SystemInfo", "/v1.0/info")]);
        check("/infos?|/x", &[("SystemInfo", "/info")]);
        check("/nothing", &[]);
        check("info", &[]);
        check(
            r"/v1\.4[0-9]/(_ping|version)",
            &[("SystemPing", "/v1.40/_ping"), ("SystemVersion", "/v1.40/version")],
        );
        // An unescaped dot is any character, and a version may lack one.
        check("/v1.40/version", &[("SystemVersion", "/v1040/version")]);
        check("/containers/[a-f0-9]{4}/json", &[("ContainerInspect", "/containers/aaaa/json")]);
        check(
            "/images/(json|.*/json)",
            &[("ImageList", "/images/json"), ("ImageInspect", "/images/a/json")],
        );
    }

    #[test]
    fn paths_that_the_proxy_refuses_do_not_count() {
        check("/containers/(\\.|\\.\\.)/json", &[]);
        check("/containers/%2e/json", &[]);
        check("/containers//json", &[]);
        check("/containers/\\x01/json", &[]);
        check("/containers/\\.\\.a/json", &[("ContainerInspect", "/containers/..a/json")]);
        check("/containers/é/json", &[("ContainerInspect", "/containers/é/json")]);
    }

    #[test]
    fn a_wide_pattern_opens_far_more_than_meant() {
        let opened = opened(Method::Get, r"/v1\..{1,2}/(version|containers/.*|events.*)");
        let names: Vec<_> = opened.findings.iter().map(|f| f.operation.name()).collect();
        for name in [
            "ContainerArchive",
            "ContainerExport",
            "ContainerLogs",
            "ContainerAttachWebsocket",
            "ContainerInspect",
            "SystemVersion",
            "SystemEvents",
            "CheckpointList",
        ] {
            assert!(names.contains(&name), "{name} is missing in {names:?}");
        }
        assert!(!names.contains(&"SystemInfo"));
        assert_eq!(opened.extent, Extent::All);
    }

    #[test]
    fn everything_opens_every_operation_of_the_method() {
        for method in Method::ALL {
            let opened = opened(method, ".*");
            let routed = |operation: &&Operation| {
                operation.facts().routes.iter().any(|route| route.method == method)
            };
            let expected = Operation::ALL.iter().filter(routed).count();
            assert_eq!(opened.findings.len(), expected, "{method}");
            for finding in &opened.findings {
                let named = crate::api::exact(method, &finding.witness);
                assert_eq!(named, Some(finding.operation), "{}", finding.witness);
            }
        }
    }
}
