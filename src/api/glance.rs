//! A quick first check of a path: it excludes most operations by their method and
//! the first eight bytes, without reading their templates.

use super::Operation;
use crate::http1::Method;

/// The beginning of a route.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    bytes: u64,
    /// Set where the route has literal text.
    mask: u64,
    method: Method,
    operation: Operation,
}

/// All routes, in the order of the table.
static BEGINNINGS: [Beginning; count()] = beginnings();

/// The operations that may have a route with this method and path, in the order of
/// the table. One with two such routes comes twice.
pub(super) fn candidates(method: Method, path: &str) -> impl Iterator<Item = Operation> {
    let bytes = first_bytes(path.as_bytes(), path.len());
    BEGINNINGS
        .iter()
        .filter(move |row| bytes & row.mask == row.bytes && row.method == method)
        .map(|row| row.operation)
}

/// Up to eight bytes, as a number.
const fn first_bytes(text: &[u8], length: usize) -> u64 {
    let mut bytes = [0; 8];
    let mut at = 0;
    while at < bytes.len() && at < length && at < text.len() {
        bytes[at] = text[at];
        at += 1;
    }
    u64::from_le_bytes(bytes)
}

const fn count() -> usize {
    let (mut count, mut at) = (0, 0);
    while at < Operation::ALL.len() {
        count += Operation::ALL[at].facts().routes.len();
        at += 1;
    }
    count
}

const fn beginnings() -> [Beginning; count()] {
    let nothing =
        Beginning { bytes: 0, mask: 0, method: Method::Get, operation: Operation::ALL[0] };
    let mut rows = [nothing; count()];
    let (mut row, mut at) = (0, 0);
    while at < Operation::ALL.len() {
        let operation = Operation::ALL[at];
        let routes = operation.facts().routes;
        let mut index = 0;
        while index < routes.len() {
            let template = routes[index].template;
            let literal = template.literal_bytes();
            rows[row] = Beginning {
                bytes: first_bytes(template.as_str().as_bytes(), literal),
                mask: first_bytes(&[0xff; 8], literal),
                method: routes[index].method,
                operation,
            };
            row += 1;
            index += 1;
        }
        at += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Piece;

    /// Every method with every template, filled in twice, whole and cut.
    #[test]
    fn no_operation_is_missed() {
        let fill = |piece: Piece, with: &str| match piece {
            Piece::Literal(text) => text.to_owned(),
            Piece::Segment(_) | Piece::Span(_) => with.to_owned(),
        };
        let routes = Operation::ALL.iter().flat_map(|operation| operation.facts().routes);
        let mut count = 0;
        for route in routes {
            for with in ["a", "images/create/json"] {
                let path: String = route.template.pieces().map(|piece| fill(piece, with)).collect();
                for path in [&*path, &path[..path.len().min(7)], "/"] {
                    for method in Method::ALL {
                        let has = |operation: &Operation| operation.has_route(method, path);
                        let all: Vec<_> = Operation::ALL.iter().copied().filter(has).collect();
                        let mut found: Vec<_> = candidates(method, path).filter(has).collect();
                        found.dedup();
                        assert_eq!(found, all, "{method} {path}");
                        count += all.len();
                    }
                }
            }
        }
        assert!(count > 2 * Operation::ALL.len());
    }
}
