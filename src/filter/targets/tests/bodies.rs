//! The targets and labels that a request's body names.

use super::*;

#[test]
fn created_things_get_the_label_and_no_other_value_of_it() {
    let network = body("POST /networks/create", r#"{"Name":"x"}"#);
    assert_eq!(network, r#"{"Name":"x","Labels":{"project":"web"},"CheckDuplicate":true}"#);
    let volume = body("POST /volumes/create", r#"{"Labels":{"a":"b","project":"web"}}"#);
    assert_eq!(volume, r#"{"Labels":{"a":"b","project":"web"}}"#);
    let created = body("POST /containers/create", r#"{"Image":"a","Labels":null}"#);
    assert_eq!(created, r#"{"Image":"a","Labels":{"project":"web"}}"#);
    for line in ["POST /containers/create", "POST /networks/create", "POST /volumes/create"] {
        for given in [
            r#"{"Labels":{"project":"db"}}"#,
            r#"{"Labels":{"project":""}}"#,
            r#"{"Labels":{"project":null}}"#,
            r#"{"labels":{}}"#,
            r#"{"Label_s":{}}"#,
            r#"{"Labels":[]}"#,
        ] {
            assert!(body(line, given).starts_with("403 "), "{line} {given}: {}", body(line, given));
        }
        for given in ["[]", "{", "", r#"{"Labels":{},"Labels":{}}"#] {
            assert!(body(line, given).starts_with("400 "), "{line} {given}: {}", body(line, given));
        }
    }
}

#[test]
fn a_volume_of_a_foreign_name_is_a_conflict() {
    let create = |name: &str| body("POST /volumes/create", &format!(r#"{{"Name":"{name}"}}"#));
    assert!(create("foreign").starts_with("409 "));
    assert!(create("new").contains(r#""project":"web""#));
    assert!(create("vol").contains(r#""project":"web""#));
}

#[test]
fn references_in_a_container_become_ids() {
    let rows = [
        (r#"{"PidMode":"container:own"}"#, r#"{"PidMode":"container:OWN"}"#),
        (r#"{"IpcMode":"container:/own"}"#, r#"{"IpcMode":"container:OWN"}"#),
        (r#"{"NetworkMode":"container:0a"}"#, r#"{"NetworkMode":"container:OWN"}"#),
        (r#"{"VolumesFrom":["own","own:ro"]}"#, r#"{"VolumesFrom":["OWN","OWN:ro"]}"#),
        (
            r#"{"Links":["own","own:a","/own:/other/db"]}"#,
            r#"{"Links":["OWN:own","OWN:a","OWN:db"]}"#,
        ),
        (r#"{"Binds":["/srv:/a","vol:/b:ro","/c"]}"#, r#"{"Binds":["/srv:/a","vol:/b:ro","/c"]}"#),
        (
            r#"{"Mounts":[{"Type":"volume","Source":"vol"}]}"#,
            r#"{"Mounts":[{"Type":"volume","Source":"vol","VolumeOptions":{"Labels":{"project":"web"}}}]}"#,
        ),
        (
            r#"{"NetworkMode":"host","PidMode":"host"}"#,
            r#"{"NetworkMode":"host","PidMode":"host"}"#,
        ),
    ];
    for (given, sent) in rows {
        let expected =
            format!(r#"{{"HostConfig":{sent},"Labels":{{"project":"web"}}}}"#).replace("OWN", OWN);
        let given = format!(r#"{{"HostConfig":{given}}}"#);
        assert_eq!(body("POST /containers/create", &given), expected, "{given}");
    }
}

#[test]
fn networks_are_pinned_by_their_ids() {
    let endpoints = |given: &str| body("POST /containers/create", given);
    let pinned = format!(
        r#"{{"HostConfig":{{"NetworkMode":"net"}},"Labels":{{"project":"web"}},"NetworkingConfig":{{"EndpointsConfig":{{"net":{{"NetworkID":"{NET}"}}}}}}}}"#
    );
    for mode in ["net", "1a", NET] {
        let given = format!(r#"{{"HostConfig":{{"NetworkMode":"{mode}"}}}}"#);
        assert_eq!(endpoints(&given), pinned);
    }
    for endpoint in ["null", "{}", r#"{"NetworkID":""}"#, r#"{"NetworkID":"net"}"#] {
        let given = format!(r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"1a":{endpoint}}}}}}}"#);
        let expected = format!(
            r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"net":{{"NetworkID":"{NET}"}}}}}},"Labels":{{"project":"web"}}}}"#
        );
        assert_eq!(endpoints(&given), expected);
    }
    let links = r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"Links":["own:a"]}}}}"#;
    assert!(endpoints(links).contains(&format!(r#""Links":["{}:a"]"#, &OWN[..12])));
    let open = r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"x","A":1}}}}"#;
    assert!(endpoints(open).contains(r#"{"bridge":{"A":1}}"#));
}

#[test]
fn a_network_whose_name_reads_as_something_else_is_not_joined() {
    // Its owner may call it like a mode, or like the id of a foreign one.
    for network in ["1c", "1d"] {
        for given in [
            format!(r#"{{"HostConfig":{{"NetworkMode":"{network}"}}}}"#),
            format!(r#"{{"NetworkMode":"{network}"}}"#),
            format!(r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"{network}":{{}}}}}}}}"#),
        ] {
            let refusal = body("POST /containers/create", &given);
            assert!(refusal.starts_with("403 "), "{given}: {refusal}");
            assert!(refusal.contains("is read as a mode or as an id"), "{given}: {refusal}");
        }
    }
}

#[test]
fn foreign_references_in_a_container_are_refused() {
    for given in [
        r#"{"HostConfig":{"PidMode":"container:foreign"}}"#,
        r#"{"PidMode":"container:foreign"}"#,
        r#"{"HostConfig":{"Cgroup":"container:foreign"}}"#,
        r#"{"HostConfig":{"VolumesFrom":["foreign:ro"]}}"#,
        r#"{"HostConfig":{"Links":["foreign:x"]}}"#,
        r#"{"HostConfig":{"Binds":["foreign:/x"]}}"#,
        r#"{"HostConfig":{"Binds":["new:/x"]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"foreign"}]}}"#,
        r#"{"HostConfig":{"NetworkMode":"foreign"}}"#,
        r#"{"NetworkMode":"nope"}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"foreign":{}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"":{"NetworkID":"foreign"}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"NetworkID":"foreign"}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"Links":["foreign:x"]}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Links":["foreign:x"]}}}}"#,
    ] {
        let refusal = body("POST /containers/create", given);
        assert!(refusal.starts_with("400 "), "{given}: {refusal}");
        let missing = body("POST /containers/create", &given.replace("foreign", "nope"));
        assert_eq!(refusal.replace("foreign", "nope"), missing, "{given}");
    }
    for given in [
        r#"{"HostConfig":{"Mounts":[{"Type":"cluster","Source":"x"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"type":"volume"}]}}"#,
        r#"{"HostConfig":{"networkMode":"foreign"}}"#,
        r#"{"hostconfig":{}}"#,
        r#"{"HostConfig":{"Links":"own"}}"#,
        r#"{"HostConfig":{"Links":[null]}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{},"1a":{}}}}"#,
        r#"{"NetworkingConfig":{"Endpoints_Config":{}}}"#,
    ] {
        let refusal = body("POST /containers/create", given);
        assert!(refusal.starts_with("403 "), "{given}: {refusal}");
    }
}

#[test]
fn a_body_with_very_many_references_is_refused() {
    let links: Vec<String> = (0..100).map(|n| format!(r#""c{n}:a""#)).collect();
    let given = format!(r#"{{"HostConfig":{{"Links":[{}]}}}}"#, links.join(","));
    assert!(body("POST /containers/create", &given).contains("names too many containers"));
}

#[test]
fn a_container_is_connected_by_ids() {
    let connect = |given: &str| body("POST /networks/net/connect", given);
    let expected = format!(r#"{{"Container":"{OWN}","EndpointConfig":{{"NetworkID":"{NET}"}}}}"#);
    assert_eq!(connect(r#"{"Container":"own"}"#), expected);
    assert_eq!(connect(r#"{"Container":"own","EndpointConfig":null}"#), expected);
    assert_eq!(connect(r#"{"Container":"foreign"}"#), "404 No such container: foreign");
    assert_eq!(connect(r#"{"Container":""}"#), "404 No such container: ");
    assert!(connect("{}").starts_with("403 "));
    let given = r#"{"Container":"own","EndpointConfig":{"NetworkID":"foreign"}}"#;
    assert_eq!(connect(given), "400 network foreign not found");
    let given = r#"{"Container":"own"}"#;
    assert_eq!(body("POST /networks/foreign/connect", given), "404 network foreign not found");
    let sent = body("POST /networks/net/disconnect", r#"{"Container":"own","Force":true}"#);
    assert_eq!(sent, format!(r#"{{"Container":"{OWN}","Force":true}}"#));
}

#[test]
fn a_start_and_a_prune_go_without_a_body() {
    let rules = rules(&["project=web"], false);
    for (given, passes) in [("", true), ("{}", true), ("null", true), (r#"{"Binds":[]}"#, false)] {
        let sent = outcome(&rules, "POST /v1.23/containers/own/start", given).1;
        match passes {
            true => assert!(sent.unwrap().contains("Content-Length: 0\r\n"), "{given}"),
            false => assert!(sent.unwrap_err().starts_with("403 "), "{given}"),
        }
    }
    let sent = outcome(&rules, "POST /containers/prune", "filters={}").1.unwrap();
    assert!(sent.ends_with("\r\n\r\n") && sent.contains("Content-Length: 0\r\n"), "{sent}");
}

#[test]
fn a_body_that_may_be_a_form_is_refused() {
    let types = [
        ("application/json", true),
        ("application/json; charset=utf-8", true),
        ("application/x-tar", true),
        ("application/x-www-form-urlencoded", false),
        ("Application/X-WWW-Form-Urlencoded ; a=b", false),
        ("\u{a0}application/x-www-form-urlencoded", false),
        ("multipart/form-data; boundary=x", false),
        ("", false),
        ("json", false),
    ];
    for (content_type, passes) in types {
        let head = format!(
            "POST /containers/own/kill HTTP/1.1\r\nHost: d\r\nContent-Type: {content_type}\r\n\r\n"
        );
        let mut storage = FieldStorage::new();
        let request = Request::parse(head.as_bytes(), &mut storage).unwrap();
        let rules = rules(&["project=web"], false);
        let plan = rules.or(&TargetRules::default()).plan(&request).map(|plan| plan.is_some());
        assert_eq!(plan.is_ok(), passes, "{content_type}: {plan:?}");
    }
}
