//! The presets as tables for people and as JSON for programs.

use super::presets::{Part, Preset, all};
use crate::api::Class;
use serde_json::{Value, json};
use std::fmt::Write;

/// All presets: the purpose of each, the classes that its base opens, and its parts.
#[must_use]
pub fn list() -> String {
    let mut text = String::from(
        "Presets for -allow, and the classes of rights that they open. Parts are added\n\
         as in -allow=dozzle+actions. -presets=NAME shows one preset.\n\n",
    );
    for preset in all() {
        let base = preset.part("").map(classes).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<21} {}", preset.name, preset.application);
        let _ = writeln!(text, "    opens {base}");
        let parts: Vec<&str> = preset.named_parts().map(|part| part.name).collect();
        if !parts.is_empty() {
            let _ = writeln!(text, "    parts {}", parts.join(", "));
        }
    }
    text
}

/// One preset with every operation, its class and the reason for it.
#[must_use]
pub fn show(preset: &Preset) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}, version {}", preset.name, preset.application, preset.version);
    let _ = writeln!(text, "source: {}", preset.source);
    let _ = writeln!(text, "at worst: {}\n", preset.worst);
    for part in &preset.parts {
        if !part.name.is_empty() {
            let _ = writeln!(text, "\n+{}: {}", part.name, part.purpose);
        }
        for (operation, why) in &part.needs {
            let (name, class) = (operation.name(), operation.class().as_str());
            let _ = writeln!(text, "  {name:<20} {class:<9} {why}");
        }
    }
    text
}

/// One preset as JSON.
#[must_use]
pub fn to_json(preset: &Preset) -> Value {
    let part = |part: &Part| {
        let need = |(operation, why): &(crate::api::Operation, &str)| json!({"operation": operation.name(), "class": operation.class().as_str(), "why": why});
        let needs: Vec<Value> = part.needs.iter().map(need).collect();
        json!({"part": part.name, "purpose": part.purpose, "operations": needs})
    };
    json!({
        "name": preset.name,
        "application": preset.application,
        "version": preset.version,
        "source": preset.source,
        "worst": preset.worst,
        "parts": preset.parts.iter().map(part).collect::<Vec<Value>>(),
    })
}

/// The classes that a part opens.
fn classes(part: &Part) -> String {
    let is_open =
        |class: &Class| part.needs.iter().any(|(operation, _)| operation.class() == *class);
    let classes = Class::ALL.into_iter().filter(is_open);
    classes.map(Class::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::presets::{find, names};

    #[test]
    fn every_preset_is_listed_and_shown_in_eighty_columns() {
        let list = list();
        for name in names() {
            assert!(list.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
            let preset = find(name).unwrap();
            let shown = show(&preset);
            for need in preset.parts.iter().flat_map(|part| &part.needs) {
                assert!(shown.contains(need.0.name()) && shown.contains(need.1), "{name}");
            }
            for line in shown.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
            assert_eq!(to_json(&preset)["name"], name);
        }
        assert!(list.lines().skip(2).all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_preset_says_what_it_opens() {
        let list = list();
        assert!(list.contains("traefik               Traefik, provider docker\n"), "{list}");
        assert!(list.contains(" opens harmless reads secrets\n"), "{list}");
        assert!(list.contains(" parts swarm, logrotate\n"), "{list}");
    }
}
