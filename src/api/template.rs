//! Templates of paths, as the daemons' routers have them.
//!
//! A template is literal text with parameters: `{name}` takes one segment, and
//! `{name*}` takes one or more bytes and spans slashes.

/// A path without a version, with parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    text: &'static str,
    /// The length of the literal text at the beginning: it alone rules out most
    /// templates for most paths.
    literal_bytes: usize,
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Text that the path contains literally.
    Literal(&'static str),
    /// One segment.
    Segment(&'static str),
    /// One or more bytes, slashes among them.
    Span(&'static str),
}

impl Template {
    /// A template of the table.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        let mut literal_bytes = 0;
        while literal_bytes < text.len() && text.as_bytes()[literal_bytes] != b'{' {
            literal_bytes += 1;
        }
        Self { text, literal_bytes }
    }

    /// The text, with its parameters in braces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.text
    }

    /// The length of the literal text at the beginning.
    pub(super) const fn literal_bytes(self) -> usize {
        self.literal_bytes
    }

    /// The template without a literal text at its beginning.
    #[must_use]
    pub fn without(self, literal: &str) -> Option<Self> {
        self.text.strip_prefix(literal).map(Self::new)
    }

    /// The pieces from left to right.
    pub fn pieces(self) -> impl Iterator<Item = Piece> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let (piece, after) = split_piece(rest)?;
            rest = after;
            Some(piece)
        })
    }

    /// Whether the whole path is one of this template.
    #[must_use]
    pub fn matches(self, path: &str) -> bool {
        let (literal, rest) = self.split_literal();
        path.strip_prefix(literal).is_some_and(|path| matches(rest, path, Segments::AsWritten))
    }

    /// The parts of a path before, in and behind the template's only parameter;
    /// `None` for a path of another template, and for a template with several
    /// parameters or none.
    #[must_use]
    pub fn split_name(self, path: &str) -> Option<(&'static str, &str, &'static str)> {
        let (before, rest) = self.split_literal();
        let (Piece::Segment(_) | Piece::Span(_), rest) = split_piece(rest)? else { return None };
        let after = match split_piece(rest) {
            None => "",
            Some((Piece::Literal(literal), "")) => literal,
            Some(_) => return None,
        };
        let name = path.strip_prefix(before)?.strip_suffix(after)?;
        self.matches(path).then_some((before, name, after))
    }

    /// Whether the path ends, from a slash on, like one of this template, with
    /// every parameter spanning slashes. Its time is linear in the path for
    /// templates that end behind their first parameter or a literal after it.
    #[must_use]
    pub fn matches_an_end_of(self, path: &str) -> bool {
        let (literal, rest) = self.split_literal();
        if literal.is_empty() {
            return false;
        }
        path.match_indices(literal)
            .filter_map(|(at, _)| path.get(at + literal.len()..))
            .any(|path| matches(rest, path, Segments::Spanning))
    }

    fn split_literal(self) -> (&'static str, &'static str) {
        self.text.split_at_checked(self.literal_bytes).unwrap_or((self.text, ""))
    }
}

/// How far a parameter of one segment reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segments {
    /// To the next slash.
    AsWritten,
    /// Over slashes, for readers that must not miss anything.
    Spanning,
}

/// The first piece of a template and the rest.
fn split_piece(template: &'static str) -> Option<(Piece, &'static str)> {
    let Some(parameter) = template.strip_prefix('{') else {
        let end = template.find('{').unwrap_or(template.len());
        let (literal, rest) = template.split_at_checked(end)?;
        return (!literal.is_empty()).then_some((Piece::Literal(literal), rest));
    };
    let (name, rest) = parameter.split_once('}')?;
    Some(match name.strip_suffix('*') {
        Some(name) => (Piece::Span(name), rest),
        None => (Piece::Segment(name), rest),
    })
}

/// The recursion is as deep as the template has pieces.
fn matches(template: &'static str, path: &str, segments: Segments) -> bool {
    match split_piece(template) {
        None => path.is_empty(),
        Some((Piece::Literal(literal), rest)) => {
            path.strip_prefix(literal).is_some_and(|path| matches(rest, path, segments))
        }
        Some((Piece::Segment(_), rest)) if segments == Segments::AsWritten => {
            let end = path.find('/').unwrap_or(path.len());
            end > 0 && path.get(end..).is_some_and(|path| matches(rest, path, segments))
        }
        Some((Piece::Segment(_) | Piece::Span(_), rest)) => span_matches(rest, path, segments),
    }
}

/// Whether `path` is at least one byte and then a path of `rest`.
fn span_matches(rest: &'static str, path: &str, segments: Segments) -> bool {
    let Some((Piece::Literal(literal), after)) = split_piece(rest) else {
        return !path.is_empty();
    };
    if after.is_empty() {
        return path.strip_suffix(literal).is_some_and(|name| !name.is_empty());
    }
    path.match_indices(literal)
        .filter(|(at, _)| *at > 0)
        .filter_map(|(at, _)| path.get(at + literal.len()..))
        .any(|path| matches(after, path, segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_takes_one_segment_or_spans_slashes() {
        let rows = [
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/a", "/ab", false),
            ("/a/{x}", "/a/b", true),
            ("/a/{x}", "/a/b/c", false),
            ("/a/{x}", "/a/", false),
            ("/a/{x*}", "/a/b/c", true),
            ("/a/{x*}", "/a/b/", true),
            ("/a/{x*}", "/a/", false),
            ("/a/{x*}/json", "/a/b/c/json", true),
            ("/a/{x*}/json", "/a/json", false),
            ("/a/{x*}/json", "/a/json/json", true),
            ("/a/{x*}/json", "/a/b/json/x", false),
            ("/a/{x*}/to/{y*}", "/a/to/to/b", true),
            ("/a/{x*}/to/{y*}", "/a/to/to", false),
            ("/a/{x}/b/{y}", "/a/x/b/y", true),
            ("/a/{x}/b/{y}", "/a/x/b/y/z", false),
            ("/{any*}", "/", false),
        ];
        for (template, path, expected) in rows {
            assert_eq!(Template::new(template).matches(path), expected, "{template} {path}");
        }
    }

    #[test]
    fn an_end_of_a_path_is_found_behind_anything() {
        let rows = [
            ("/a/{x}/json", "/v1/a/b/c/json", true),
            ("/a/{x}/json", "/v1/a/json", false),
            ("/a/create", "/x/y/a/create", true),
            ("/a/create", "/xa/create", false),
            ("/a/create", "/a/create/x", false),
        ];
        for (template, path, expected) in rows {
            let found = Template::new(template).matches_an_end_of(path);
            assert_eq!(found, expected, "{template} {path}");
        }
    }

    #[test]
    fn a_template_is_read_piece_by_piece() {
        let pieces: Vec<Piece> = Template::new("/a/{x*}/b/{y}").pieces().collect();
        let expected =
            [Piece::Literal("/a/"), Piece::Span("x"), Piece::Literal("/b/"), Piece::Segment("y")];
        assert_eq!(pieces, expected);
    }
}
