//! Names of fields as Go's decoders compare them.

/// A field's name as Go's decoder compares it: ASCII letters without case, and
/// the two other characters whose simple case folding is an ASCII letter.
#[must_use]
pub fn fold(name: &str) -> String {
    name.chars().map(fold_char).collect()
}

/// Whether Go's decoder takes one name for the other.
#[must_use]
pub fn folds_alike(one: &str, other: &str) -> bool {
    one.chars().map(fold_char).eq(other.chars().map(fold_char))
}

/// Whether any of Go's decoders takes one name for the other: `encoding/json/v2`
/// also ignores `_` and `-` when it matches names without case.
#[must_use]
pub fn reads_alike(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(fold_char)
}

fn fold_char(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_decoder_of_go_ignores_underscores_and_hyphens_too() {
        for name in ["B_inds", "b-i-n-d-ſ", "_BINDS_", "Binds"] {
            assert!(reads_alike(name, "Binds"), "{name}");
        }
        assert!(reads_alike("volumesfrom", "volumes_from"));
        assert!(!reads_alike("Bin ds", "Binds"));
        assert!(!folds_alike("B_inds", "Binds"));
    }

    #[test]
    fn folding_is_that_of_go() {
        assert!(folds_alike("HOſTCONFIG", "HostConfig"));
        assert!(folds_alike("networ\u{212a}", "Network"));
        assert!(!folds_alike("Hostconf\u{131}g", "HostConfig"));
        assert!(!folds_alike("\u{ff22}inds", "Binds"));
        assert!(!folds_alike("Bind", "Binds"));
        assert_eq!(fold("ÀſK"), "Àsk");
    }
}
