//! The rights that labels give, of any number and size.

use super::*;
use crate::filter::rules::RuleVerdict;
use crate::http1::Method;

#[test]
fn rules_and_bind_mounts_are_those_of_the_labels() {
    let from = ("socket-proxy.allow.bindmountfrom", "/home");
    let world = World::new([labelled("a", "10.1.0.3").label(from.0, from.1)]);
    let mut client = world.connect("10.1.0.3");
    let answer = client.answer();
    let Entitlement::Labels(policy) = answer else { panic!("{answer:?}") };
    assert!(policy.rules().judge(Method::Get, "/info").is_allowed());
    assert!(!policy.rules().judge(Method::Get, "/version").is_allowed());
    assert!(policy.bodies().bind_mounts.as_ref().unwrap().admits("/home/x"));
    let denial = policy.bodies().inspection(Method::Post, "/libpod/play/kube", None).unwrap_err();
    assert!(
        denial
            .to_string()
            .ends_with("unset the label socket-proxy.allow.bindmountfrom to allow it")
    );
}

#[test]
fn a_container_with_denials_alone_has_rights_of_its_own_which_are_none() {
    let denied = plain("a", "10.1.0.3").label("socket-proxy.deny", "SystemInfo");
    let world = World::new([denied]);
    let Entitlement::Labels(policy) = world.connect("10.1.0.3").answer() else { panic!() };
    assert!(policy.rules().is_empty());
    assert!(matches!(policy.rules().judge(Method::Get, "/info"), RuleVerdict::Denied(_)));
    assert!(!policy.rules().judge(Method::Get, "/version").is_allowed());
}

#[test]
fn labels_of_any_number_and_size_harm_their_own_container_alone() {
    let crowded = (0..7).map(|number| {
        let container = plain(&format!("crowded{number}"), &format!("10.1.1.{}", 1 + number));
        (0..6_000).fold(container, |container, label| container.label(&format!("l{label}"), "x"))
    });
    let large = (0..35).map(|number| {
        let container = plain(&format!("large{number}"), &format!("10.1.2.{}", 1 + number));
        container.label("text", &"x".repeat(100_000))
    });
    let selfish =
        labelled("selfish", "10.1.3.1").label("socket-proxy.allow.get.1", &"x".repeat(1 << 20));
    let world = World::new(crowded.chain(large).chain([selfish, labelled("a", "10.1.0.3")]));
    world.await_table();
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.1.1"), "listener");
    assert_eq!(world.ask("10.1.2.1"), "listener");
    assert_eq!(world.ask("10.1.3.1"), "invalid socket-proxy.allow.get.1 of selfish");
    // Their events have all labels in them.
    let attributes: serde_json::Map<String, serde_json::Value> =
        (0..60_000).map(|label| (format!("l{label}"), "x".repeat(30).into())).collect();
    let streams = world.engine.count("/events");
    world.engine.raw_event(&format!(
        "{{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{{\"ID\":\"crowded1\",\"Attributes\":{}}}}}\n",
        serde_json::Value::from(attributes)
    ));
    world.await_events();
    assert_eq!(world.engine.count("/events"), streams, "the stream is unbroken");
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
}

#[test]
fn heavy_patterns_of_many_containers_harm_those_that_come_last() {
    // Each is just below the limit of one container.
    let heavy = (1..=9).map(|number| {
        plain(&format!("heavy{number}"), &format!("10.1.1.{number}"))
            .label("socket-proxy.allow.get", r"/\pL{50}")
    });
    let world = World::new(heavy);
    world.await_table();
    let found: Vec<String> = (1..=9).map(|number| world.ask(&format!("10.1.1.{number}"))).collect();
    let granted = found.iter().filter(|found| found.starts_with("labels of")).count();
    let void = found.iter().filter(|found| found.starts_with("invalid")).count();
    assert_eq!((granted, void), (5, 4), "{found:?}");
}

#[test]
fn long_lists_of_many_containers_are_bounded_as_patterns_are() {
    let list = "SystemPing,".repeat(1450);
    let long = (1..=170).map(|number| {
        plain(&format!("long{number}"), &format!("10.1.1.{number}"))
            .label("socket-proxy.allow", &list)
    });
    let world = World::new(long);
    world.await_table();
    let last = |number: u8| world.ask(&format!("10.1.1.{number}"));
    let found: Vec<String> = (1..=170).map(last).collect();
    let granted = found.iter().filter(|found| found.starts_with("labels of")).count();
    let void = found.iter().filter(|found| found.starts_with("invalid")).count();
    assert!(granted > 0 && void > 0 && granted + void == 170, "{found:?}");
}

#[test]
fn a_container_with_an_invalid_label_loses_its_own_rights_alone() {
    let bad = labelled("bad", "10.1.0.4").label("socket-proxy.allow.post", "(");
    let world = World::new([labelled("a", "10.1.0.3"), bad, labelled("c", "10.1.0.5")]);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.0.4"), "invalid socket-proxy.allow.post of bad");
    assert_eq!(world.ask("10.1.0.5"), "labels of c");
    let mut client = world.connect("10.1.0.4");
    let answer = client.answer();
    let Entitlement::Labels(policy) = answer else { panic!("{answer:?}") };
    assert_eq!(policy.rules().judge(Method::Get, "/info"), RuleVerdict::MethodNotAllowed);
}

#[test]
fn deep_patterns_in_labels_harm_nobody() {
    let nested = |levels| ["/(", &"(a|b".repeat(levels), &"c)".repeat(levels), ")"].concat();
    let deep = |id: &str, address: &str, levels| {
        plain(id, address).label("socket-proxy.allow.get", &nested(levels))
    };
    let containers = [deep("deep", "10.1.0.3", 150), deep("deeper", "10.1.0.4", 3000)];
    let world = World::new(containers.into_iter().chain([labelled("a", "10.1.0.5")]));
    world.await_table();
    assert_eq!(world.ask("10.1.0.3"), "labels of deep");
    assert_eq!(world.ask("10.1.0.4"), "invalid socket-proxy.allow.get of deeper");
    assert_eq!(world.ask("10.1.0.5"), "labels of a");
    world.engine.put(deep("late", "10.1.0.6", 250));
    assert_eq!(world.ask("10.1.0.6"), "labels of late");
}
