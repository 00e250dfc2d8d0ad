//! Reads a pattern as Go's `regexp/syntax` does with its Perl flags.
//!
//! Open groups are kept on a stack of our own, so that no pattern, however deep,
//! can exhaust the thread's. The result nests at most [`DEPTH_MAX`] levels.

use super::ast::{Look, Node};
use super::class::{bracketed, shorthand};
use super::cursor::{Cursor, Reason};
use super::fold::folded;
use super::ranges::Ranges;
use super::unicode::CaseVariants;

/// A parsed pattern.
#[derive(Debug)]
pub(in crate::filter) struct Parsed {
    /// The whole pattern.
    pub(in crate::filter) node: Node,
    /// Whether a `|` is outside of every group.
    pub(in crate::filter) top_level_alternation: bool,
}

/// Go's limit on the levels of operators. Go counts them after it has factored
/// alternations, so that just below the limit we may differ from it.
const HEIGHT_MAX: u32 = 1000;
/// Our limit on the groups that nest after all that can be left out, which is
/// the `regex` crate's own. Each costs its compiler some 4 KiB of stack.
const DEPTH_MAX: u32 = 250;
/// Go's limit on a counted repetition, and on the product of nested ones.
const COPIES_MAX: u32 = 1000;

/// Parses a pattern, regardless of its compiled size.
pub(super) fn parse(pattern: &str) -> Result<Parsed, Reason> {
    let mut parser = Parser {
        cursor: Cursor::new(pattern),
        flags: Flags::default(),
        groups: Vec::new(),
        current: Group::new(Flags::default(), false),
        variants: CaseVariants::default(),
        after_repetition: false,
    };
    while let Some(c) = parser.cursor.next() {
        parser.step(c)?;
    }
    if !parser.groups.is_empty() {
        return Err("unterminated group: a `(` has no closing `)`".to_owned());
    }
    let top_level_alternation = !parser.current.alternatives.is_empty();
    let node = parser.current.close();
    check_levels(&node)?;
    Ok(Parsed { node, top_level_alternation })
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    flags: Flags,
    /// The open groups around the current one, outermost first.
    groups: Vec<Group>,
    current: Group,
    variants: CaseVariants,
    /// Whether the last item is a repetition.
    after_repetition: bool,
}

/// The flags that change the matched texts; `U` does not.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

impl Flags {
    fn set(&mut self, flag: char, on: bool) -> bool {
        match flag {
            'i' => self.ignore_case = on,
            'm' => self.multi_line = on,
            's' => self.dot_all = on,
            'U' => {}
            _ => return false,
        }
        true
    }
}

/// A group, or the whole pattern, as far as it is read.
struct Group {
    outer_flags: Flags,
    captures: bool,
    alternatives: Vec<Node>,
    sequence: Vec<Node>,
}

impl Group {
    fn new(outer_flags: Flags, captures: bool) -> Self {
        Self { outer_flags, captures, alternatives: Vec::new(), sequence: Vec::new() }
    }

    fn end_alternative(&mut self) {
        let sequence = std::mem::take(&mut self.sequence);
        self.alternatives.push(Node::concat(sequence));
    }

    fn close(mut self) -> Node {
        self.end_alternative();
        let node = Node::alternate(self.alternatives);
        if self.captures { node.captured() } else { node }
    }
}

impl Parser<'_> {
    fn step(&mut self, c: char) -> Result<(), Reason> {
        let after_repetition = std::mem::take(&mut self.after_repetition);
        match c {
            '(' => self.open_group(),
            ')' => self.close_group(),
            '|' => {
                self.current.end_alternative();
                Ok(())
            }
            '*' => self.repeat("*", 0, None, after_repetition),
            '+' => self.repeat("+", 1, None, after_repetition),
            '?' => self.repeat("?", 0, Some(1), after_repetition),
            '{' => self.repeat_counted(after_repetition),
            '^' if self.flags.multi_line => self.push(Node::look(Look::LineStart)),
            '^' => self.push(Node::look(Look::TextStart)),
            '$' if self.flags.multi_line => self.push(Node::look(Look::LineEnd)),
            '$' => self.push(Node::look(Look::TextEnd)),
            '.' => self.any(),
            '[' => self.class(),
            '\\' => self.escape(),
            c => self.literal(u32::from(c)),
        }
    }

    fn push(&mut self, node: Node) -> Result<(), Reason> {
        check_levels(&node)?;
        self.current.sequence.push(node);
        Ok(())
    }

    fn literal(&mut self, code_point: u32) -> Result<(), Reason> {
        if self.flags.ignore_case {
            let single = Ranges::new(&[(code_point, code_point)]);
            let variants = folded(&single);
            if variants != single {
                return self.push(Node::ranges(variants));
            }
        }
        self.push(Node::literal(code_point))
    }

    fn any(&mut self) -> Result<(), Reason> {
        let excluded: &[_] = if self.flags.dot_all { &[] } else { &[(0x0A, 0x0A)] };
        self.push(Node::ranges(Ranges::new(excluded).complement()))
    }

    fn class(&mut self) -> Result<(), Reason> {
        let class = bracketed(&mut self.cursor, self.flags.ignore_case, &mut self.variants)?;
        self.push(Node::class(class))
    }

    /// Reads the rest of an escape outside of a class, after the backslash.
    fn escape(&mut self) -> Result<(), Reason> {
        let look = match self.cursor.peek() {
            Some('A') => Look::TextStart,
            Some('z') => Look::TextEnd,
            Some('b') => Look::WordBoundary,
            Some('B') => Look::NotWordBoundary,
            Some('Q') => return self.quoted(),
            _ => return self.escaped_character(),
        };
        self.cursor.next();
        self.push(Node::look(look))
    }

    fn escaped_character(&mut self) -> Result<(), Reason> {
        let fold = self.flags.ignore_case;
        match shorthand(&mut self.cursor, fold, &mut self.variants)? {
            Some(class) => self.push(Node::class(class)),
            None => {
                let code_point = self.cursor.escaped()?;
                self.literal(code_point)
            }
        }
    }

    /// Reads `\Q…\E`; without the end, the rest is plain text.
    fn quoted(&mut self) -> Result<(), Reason> {
        self.cursor.eat("Q");
        let text = self.cursor.until("\\E").unwrap_or_else(|| self.cursor.take_rest());
        text.chars().try_for_each(|c| self.literal(u32::from(c)))
    }

    /// Reads the rest of a group's opening, after the `(`.
    fn open_group(&mut self) -> Result<(), Reason> {
        let outer_flags = self.flags;
        let captures = if self.cursor.eat("?P<") || self.cursor.eat("?<") {
            self.group_name()?;
            true
        } else if self.cursor.eat("?") {
            if self.group_flags()? == FlagsEnd::Directive {
                return Ok(());
            }
            false
        } else {
            true
        };
        let group = Group::new(outer_flags, captures);
        self.groups.push(std::mem::replace(&mut self.current, group));
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Reason> {
        let outer = self.groups.pop().ok_or("a `)` has no opening `(`")?;
        let group = std::mem::replace(&mut self.current, outer);
        self.flags = group.outer_flags;
        self.push(group.close())
    }

    /// Reads a name up to its `>`. Names may repeat and begin with a digit.
    fn group_name(&mut self) -> Result<(), Reason> {
        if self.cursor.rest().starts_with(['=', '!']) {
            return Err(NO_LOOK_AROUND.to_owned());
        }
        let name = self.cursor.until(">").ok_or("the name of a group has no closing `>`")?;
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!(
                "`{name}` is not a name of a group; use ASCII letters, digits, `_`"
            ));
        }
        Ok(())
    }

    /// Reads flags up to their `)` or `:` and sets them.
    fn group_flags(&mut self) -> Result<FlagsEnd, Reason> {
        let written = self.cursor.rest();
        let mut flags = self.flags;
        let mut on = true;
        let mut dangling_minus = false;
        loop {
            match self.cursor.next() {
                Some('-') if on => (on, dangling_minus) = (false, true),
                Some(end @ (')' | ':')) if !dangling_minus => {
                    self.flags = flags;
                    return Ok(if end == ')' { FlagsEnd::Directive } else { FlagsEnd::Group });
                }
                Some(flag) if flags.set(flag, on) => dangling_minus = false,
                _ => return Err(bad_flags(written)),
            }
        }
    }

    fn repeat_counted(&mut self, after_repetition: bool) -> Result<(), Reason> {
        let mut ahead = self.cursor.clone();
        let Some((min, max)) = counts(&mut ahead) else {
            return self.literal(u32::from('{'));
        };
        let length = self.cursor.rest().len() - ahead.rest().len();
        let written = format!("{{{}", self.cursor.rest().get(..length).unwrap_or_default());
        if max.is_some_and(|max| max < min) {
            return Err(format!("`{written}` has a minimum above its maximum"));
        }
        if max.unwrap_or(min) > COPIES_MAX {
            return Err(format!("`{written}` repeats more than {COPIES_MAX} times"));
        }
        self.cursor = ahead;
        self.repeat(&written, min, max, after_repetition)?;
        // As in Go, only a repetition that copies looks at those inside it.
        let copies = self.current.sequence.last().map_or(1, |node| node.copies);
        if max.unwrap_or(min) >= 2 && copies > COPIES_MAX {
            return Err(format!(
                "`{written}` and the repetitions inside it make more than {COPIES_MAX} copies"
            ));
        }
        Ok(())
    }

    /// Applies a repetition to the last item.
    fn repeat(
        &mut self,
        written: &str,
        min: u32,
        max: Option<u32>,
        after_repetition: bool,
    ) -> Result<(), Reason> {
        self.cursor.eat("?");
        if after_repetition {
            return Err(format!("`{written}` repeats a repetition"));
        }
        let node = self.current.sequence.pop().ok_or_else(|| {
            let hint = if written == "*" { "; any text is `.*`" } else { "" };
            format!("`{written}` has nothing before it to repeat{hint}")
        })?;
        self.after_repetition = true;
        self.push(node.repeat(min, max))
    }
}

/// The effect of a group of flags.
#[derive(Debug, PartialEq, Eq)]
enum FlagsEnd {
    /// It sets them for the rest of the group around it.
    Directive,
    /// It opens a group of its own.
    Group,
}

/// Reads `1}`, `1,}` or `1,2}`. Anything else is plain text.
fn counts(cursor: &mut Cursor) -> Option<(u32, Option<u32>)> {
    let min = cursor.number()?;
    let max = match cursor.eat(",") {
        false => Some(min),
        true if cursor.rest().starts_with('}') => None,
        true => Some(cursor.number()?),
    };
    cursor.eat("}").then_some((min, max))
}

fn check_levels(node: &Node) -> Result<(), Reason> {
    for (levels, max) in [(node.height, HEIGHT_MAX), (node.depth, DEPTH_MAX)] {
        if levels > max {
            return Err(format!("its groups and operators nest deeper than {max} levels"));
        }
    }
    Ok(())
}

const NO_LOOK_AROUND: &str = "Go's dialect has no look-around";

fn bad_flags(written: &str) -> Reason {
    let reason = match written.chars().next() {
        Some('=' | '!') => NO_LOOK_AROUND,
        Some('>') => "Go's dialect has no atomic groups",
        None => "unterminated group: a `(?` is incomplete",
        Some(_) => BAD_FLAGS,
    };
    reason.to_owned()
}

const BAD_FLAGS: &str = "after `(?` Go's dialect has the flags `i`, `m`, `s`, `U` (a `-` before \
                         those to clear), ended by `)` or `:`, and the names `P<name>`, `<name>`";
