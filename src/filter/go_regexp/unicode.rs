//! Unicode properties by the names that Go 1.26 knows.
//!
//! Those are general categories with their long names, and scripts whose name
//! is one word: Go strips `_`, `-` and spaces from the requested name but not
//! from its own table, so it finds no script such as `Old_Italic`. The `regex`
//! crate knows many more names, and follows a newer Unicode version; characters
//! that were unassigned in 15.0 are cut out of its tables.

use super::fold::{cased, folded};
use super::ranges::{LAST, Ranges};
use regex::Regex;
use std::collections::BTreeMap;

/// The property that a name means.
#[derive(Debug)]
pub(super) enum Property {
    /// A set that is easily written down.
    Ranges(Ranges),
    /// A property that the `regex` crate has a table of.
    Table(Table),
}

/// A property that the `regex` crate has a table of.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name, a category or script.
    name: &'static str,
    /// The characters that ignoring the case adds to it.
    pub(super) extra: Ranges,
    /// Whether all but its members are meant.
    pub(super) negated: bool,
}

impl Table {
    fn new(name: &'static str, negated: bool) -> Self {
        Self { name, extra: Ranges::default(), negated }
    }

    /// Its members, not negated, as a class of the `regex` crate.
    pub(super) fn members(&self) -> String {
        match self.name {
            name @ ("C" | "Cn") => format!(r"[\p{{{name}}}\P{{age:15.0}}]"),
            // Unicode 16.0 gave one mark another category.
            "Mn" => r"[[\p{Mn}&&\p{age:15.0}]\x{1171E}]".to_owned(),
            "Mc" => r"[[\p{Mc}&&\p{age:15.0}]--\x{1171E}]".to_owned(),
            name => format!(r"[\p{{{name}}}&&\p{{age:15.0}}]"),
        }
    }
}

/// The characters that ignoring the case adds to tables, computed once for each.
#[derive(Debug, Default)]
pub(super) struct CaseVariants(BTreeMap<&'static str, Ranges>);

impl CaseVariants {
    /// The characters outside of a table that differ only in case from one of its members.
    pub(super) fn of(&mut self, table: &Table) -> Ranges {
        self.0.entry(table.name).or_insert_with(|| case_variants(table)).clone()
    }
}

fn case_variants(table: &Table) -> Ranges {
    // Go has no folding table of this category.
    if table.name == "LC" {
        return Ranges::default();
    }
    // The class always compiles; if it did not, nothing would be added.
    let Ok(member) = Regex::new(&format!(r"\A{}\z", table.members())) else {
        return Ranges::default();
    };
    let mut buffer = [0; 4];
    let members = cased().filter(|c| member.is_match(c.encode_utf8(&mut buffer))).collect();
    let variants = folded(&members);
    cased().filter(|&c| variants.contains(c) && !members.contains(c)).collect()
}

/// The property with this name in `\p{…}`.
pub(super) fn property(name: &str) -> Option<Property> {
    let name: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    let is = |known: &str| known.eq_ignore_ascii_case(&name);
    if is("Any") {
        return Some(Property::Ranges(Ranges::new(&[(0, LAST)])));
    }
    if is("ASCII") {
        return Some(Property::Ranges(Ranges::new(&[(0, 0x7F)])));
    }
    if is("Cs") || is("Surrogate") {
        return Some(Property::Ranges(Ranges::new(&[(0xD800, 0xDFFF)])));
    }
    if is("Assigned") {
        return Some(Property::Table(Table::new("Cn", true)));
    }
    let category = CATEGORIES.iter().find(|(short, long)| is(short) || long.split(' ').any(is));
    let name = match category {
        Some((short, _)) => short,
        None => SCRIPTS.split_ascii_whitespace().find(|script| is(script))?,
    };
    Some(Property::Table(Table::new(name, false)))
}

/// Categories: short name, and long ones without separators.
const CATEGORIES: &[(&str, &str)] = &[
    ("C", "Other"),
    ("Cc", "Control cntrl"),
    ("Cf", "Format"),
    ("Cn", "Unassigned"),
    ("Co", "PrivateUse"),
    ("L", "Letter"),
    ("LC", "CasedLetter"),
    ("Ll", "LowercaseLetter"),
    ("Lm", "ModifierLetter"),
    ("Lo", "OtherLetter"),
    ("Lt", "TitlecaseLetter"),
    ("Lu", "UppercaseLetter"),
    ("M", "Mark CombiningMark"),
    ("Mc", "SpacingMark"),
    ("Me", "EnclosingMark"),
    ("Mn", "NonspacingMark"),
    ("N", "Number"),
    ("Nd", "DecimalNumber digit"),
    ("Nl", "LetterNumber"),
    ("No", "OtherNumber"),
    ("P", "Punctuation punct"),
    ("Pc", "ConnectorPunctuation"),
    ("Pd", "DashPunctuation"),
    ("Pe", "ClosePunctuation"),
    ("Pf", "FinalPunctuation"),
    ("Pi", "InitialPunctuation"),
    ("Po", "OtherPunctuation"),
    ("Ps", "OpenPunctuation"),
    ("S", "Symbol"),
    ("Sc", "CurrencySymbol"),
    ("Sk", "ModifierSymbol"),
    ("Sm", "MathSymbol"),
    ("So", "OtherSymbol"),
    ("Z", "Separator"),
    ("Zl", "LineSeparator"),
    ("Zp", "ParagraphSeparator"),
    ("Zs", "SpaceSeparator"),
];

/// Scripts whose name is one word.
const SCRIPTS: &str = "
    Adlam Ahom Arabic Armenian Avestan Balinese Bamum Batak Bengali Bhaiksuki Bopomofo Brahmi
    Braille Buginese Buhid Carian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform
    Cypriot Cyrillic Deseret Devanagari Dogra Duployan Elbasan Elymaic Ethiopic Georgian
    Glagolitic Gothic Grantha Greek Gujarati Gurmukhi Han Hangul Hanunoo Hatran Hebrew
    Hiragana Inherited Javanese Kaithi Kannada Katakana Kawi Kharoshthi Khmer Khojki
    Khudawadi Lao Latin Lepcha Limbu Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic
    Manichaean Marchen Medefaidrin Miao Modi Mongolian Mro Multani Myanmar Nabataean
    Nandinagari Newa Nko Nushu Ogham Oriya Osage Osmanya Palmyrene Phoenician Rejang Runic
    Samaritan Saurashtra Sharada Shavian Siddham Sinhala Sogdian Soyombo Sundanese Syriac
    Tagalog Tagbanwa Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta
    Toto Ugaritic Vai Vithkuqi Wancho Yezidi Yi
";
