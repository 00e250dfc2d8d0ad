//! Further listeners: their flags, their variables and their mistakes.

use super::*;

#[test]
fn further_listeners_are_the_same_by_flag_and_by_variable() {
    let tcp: &[&str] = &["web:endpoint=0.0.0.0:2376", "web:from=127.0.0.1/32", "web:mounts=false"];
    let unix: &[&str] = &["web:endpoint=/run/w.sock 660", "web:from=web/x", "web:mounts=true"];
    let unix: Vec<String> = unix.iter().map(|fact| fact.replace("web/x", "10.0.0.0/8,x")).collect();
    let unix: Vec<&str> = unix.iter().map(String::as_str).collect();
    check("-listen=web=tcp:0.0.0.0:2376", &[], tcp);
    check("-listen=WEB=tcp:0.0.0.0:2376", &[], tcp);
    check("-listen web=tcp:0.0.0.0:2376", &[], tcp);
    check("", &[("SP_LISTEN_WEB", "tcp:0.0.0.0:2376")], tcp);
    check("", &[("SP_LISTEN_web", "tcp://0.0.0.0:2376")], tcp);
    check(
        "-listen=web=unix:/run/w.sock,mode=0660 -allowfrom@web=x -allowfrom@Web=10.0.0.0/8 \
         -allowbindmountfrom@web=/home",
        &[],
        &unix,
    );
    check(
        "",
        &[
            ("SP_LISTEN_WEB", "unix:/run/w.sock,mode=660"),
            ("SP_LISTEN_WEB_ALLOWFROM", "x,10.0.0.0/8"),
            ("SP_LISTEN_WEB_ALLOWBINDMOUNTFROM", "/home"),
        ],
        &unix,
    );
    // Flags win, and the two ways mix.
    check(
        "-listen=web=unix:/run/w.sock,mode=0660 -allowfrom@web=x,10.0.0.0/8",
        &[
            ("SP_LISTEN_WEB", "no endpoint"),
            ("SP_LISTEN_WEB_ALLOWFROM", "no\u{1}name"),
            ("SP_LISTEN_WEB_ALLOWBINDMOUNTFROM", "/home"),
        ],
        &unix,
    );
}

#[test]
fn the_default_listener_goes_only_when_nothing_is_said_about_it() {
    let names = |line: &str, variables: Variables<'_>| -> Vec<String> {
        config(line, variables).listeners.into_iter().map(|listener| listener.name).collect()
    };
    let web = "-listen=web=tcp:127.0.0.1:2375";
    assert_eq!(names("", &[]), [""]);
    assert_eq!(names(web, &[]), ["web"]);
    assert_eq!(names(&format!("{web} -socketpath=/a -logjson"), &[]), ["web"]);
    assert_eq!(names(&format!("{web} -listen=db=unix:/db"), &[]), ["web", "db"]);
    let with_default =
        ["-allowGET=/a", "-allowfrom=a", "-allowbindmountfrom=/a", "-proxysocketendpoint=/a"];
    for said in with_default.into_iter().chain(["-listenip=::1", "-proxycontainername=p"]) {
        let web = "-listen=web=tcp:127.0.0.1:2376";
        assert_eq!(names(&format!("{web} {said}"), &[]), ["", "web"], "{said}");
    }
    assert_eq!(names(web, &[("SP_PROXYPORT", "2377")]), ["", "web"]);
}

#[test]
fn listeners_inherit_nothing() {
    let line = "-listen=web=tcp:127.0.0.1:2376 -allowfrom=10.0.0.0/8 -allowbindmountfrom=/home";
    let config = config(line, &[("SP_ALLOW_GET", "/a")]);
    let web = &config.listeners[1];
    assert_eq!(web.policy.peers().to_string(), "127.0.0.1/32");
    assert_eq!(web.policy.bodies().bind_mounts, None);
    assert_eq!(web.policy.rules().patterns().count(), 0);
}

#[test]
fn a_refusal_for_a_body_names_the_flag_of_its_listener() {
    let line = "-listen=web=tcp:127.0.0.1:2376 -allowbindmountfrom=/a -allowbindmountfrom@web=/b";
    let config = config(line, &[]);
    let flags = ["-allowbindmountfrom", "-allowbindmountfrom@web"];
    for (listener, flag) in config.listeners.iter().zip(flags) {
        let bodies = &listener.policy.bodies();
        let create = bodies.inspection(Method::Post, "/containers/create", None).unwrap().unwrap();
        let body = br#"{"HostConfig":{"Binds":["/c:/c"]}}"#;
        let denial = bodies.judge(create, Some(b"application/json"), body).unwrap_err();
        assert!(denial.to_string().ends_with(&format!("add /c to {flag} to allow it")), "{denial}");
        let denial = bodies.inspection(Method::Post, "/libpod/play/kube", None).unwrap_err();
        assert!(denial.to_string().ends_with(&format!("unset {flag} to allow it")), "{denial}");
    }
}

#[test]
fn every_listener_says_whether_its_bind_mounts_are_exact() {
    let line = "-listen=web=tcp:127.0.0.1:2376 -allowbindmountfrom=/a -allowbindmountfrom@web=/b";
    let exact = |more: &str, variables: Variables<'_>| -> Vec<bool> {
        let config = config(&format!("{line} {more}"), variables);
        let mounts = |l: &Listener| l.policy.bodies().bind_mounts.as_ref().unwrap().is_exact();
        config.listeners.iter().map(mounts).collect()
    };
    assert_eq!(exact("", &[]), [false, false]);
    assert_eq!(exact("-bindmountsexact", &[]), [true, false]);
    assert_eq!(exact("-bindmountsexact@web", &[]), [false, true]);
    assert_eq!(exact("", &[("SP_BINDMOUNTSEXACT", "true")]), [true, false]);
    assert_eq!(exact("", &[("SP_LISTEN_WEB_BINDMOUNTSEXACT", "true")]), [false, true]);
    assert_eq!(exact("-bindmountsexact=false", &[("SP_BINDMOUNTSEXACT", "1")]), [false, false]);
    check_error(
        "-bindmountsexact",
        &[],
        1,
        "-bindmountsexact restricts nothing without -allowbindmountfrom; add it, or \
         -allowbindmountfrom=/var/empty for no directory at all",
    );
}

#[test]
fn wrong_listeners_are_refused() {
    let expected = "expected NAME=tcp:ADDRESS:PORT or NAME=unix:/PATH,mode=MODE, \
                    for example -listen=web=tcp:0.0.0.0:2376";
    let of_web = "expected tcp:ADDRESS:PORT or unix:/PATH,mode=MODE, for example";
    let name = values::LISTENER_NAME;
    let rows: [(&str, Variables<'_>, String); 6] = [
        (
            "-listen=tcp:0.0.0.0:2376",
            &[],
            format!("invalid value \"tcp:0.0.0.0:2376\" for -listen: it has no name; {expected}"),
        ),
        (
            "-listen=my-web=tcp:0.0.0.0:2376",
            &[],
            format!(
                "invalid value \"my-web=tcp:0.0.0.0:2376\" for -listen: a name is {name}; {expected}"
            ),
        ),
        (
            "-listen=web=2376",
            &[],
            format!(
                "invalid value \"2376\" for -listen=web: it begins neither with tcp: nor with \
                 unix:; {of_web} -listen=web=tcp:0.0.0.0:2376"
            ),
        ),
        (
            "",
            &[("SP_LISTEN_WEB", "tcp:2376")],
            format!(
                "invalid value \"tcp:2376\" for SP_LISTEN_WEB: it has no port; \
                 {of_web} SP_LISTEN_WEB=tcp:0.0.0.0:2376"
            ),
        ),
        (
            "-listen=web=unix:/a -listen=web=unix:/b",
            &[],
            "the listener web is defined twice: -listen=web and -listen=web".to_owned(),
        ),
        (
            "",
            &[("SP_LISTEN_WEB", "unix:/a"), ("SP_LISTEN_web", "unix:/b")],
            "the listener web is defined twice: SP_LISTEN_WEB and SP_LISTEN_web".to_owned(),
        ),
    ];
    for (line, variables, message) in rows {
        check_error(line, variables, 1, &message);
    }
}

#[test]
fn rights_of_listeners_that_are_not_there_or_wrong_are_refused() {
    let made_by =
        "a listener is made by -listen=wbe=tcp:ADDRESS:PORT or SP_LISTEN_WBE=tcp:ADDRESS:PORT";
    let rows: [(&str, Variables<'_>, String); 3] = [
        (
            "-listen=web=unix:/a -allowGET@wbe=/a -allowGET@wbe=/b -allowPOST@wbe=/a",
            &[],
            format!(
                "no listener is called wbe (-allowGET@wbe, -allowPOST@wbe); did you mean web?; {made_by}"
            ),
        ),
        (
            "-listen=webs=unix:/a",
            &[("SP_LISTEN_WEBX_ALLOW_GET_2", "/a")],
            "no listener is called webx (SP_LISTEN_WEBX_ALLOW_GET_2); did you mean webs?; \
             a listener is made by -listen=webx=tcp:ADDRESS:PORT or \
             SP_LISTEN_WEBX=tcp:ADDRESS:PORT"
                .to_owned(),
        ),
        (
            "-listen=web=unix:/a -allowfrom@web=a..b",
            &[],
            "invalid value \"a..b\" for -allowfrom@web: \"a..b\" is not a network, address or host name; \
             expected comma-separated networks, addresses or host names, \
             for example -allowfrom@web=127.0.0.1,10.0.0.0/8,web"
                .to_owned(),
        ),
    ];
    for (line, variables, message) in rows {
        check_error(line, variables, 1, &message);
    }
}

#[test]
fn places_that_are_taken_twice_are_refused() {
    let rows = [
        (
            "-listen=web=unix:/a -listen=db=unix:/a",
            "the listener web and the listener db can't listen at the same place: /a and /a",
        ),
        (
            "-listenip=127.0.0.1 -listen=web=tcp:0.0.0.0:2375",
            "the default listener and the listener web can't listen at the same place: \
             127.0.0.1:2375 and 0.0.0.0:2375",
        ),
        (
            "-proxysocketendpoint=/a -listen=web=unix:/a",
            "the default listener and the listener web can't listen at the same place: /a and /a",
        ),
        (
            "-listenip=:: -proxyport=55555 -allowhealthcheck",
            "the default listener can't listen on [::]:55555: \
             -allowhealthcheck needs 127.0.0.1:55555",
        ),
        (
            "-listenip=0.0.0.0 -metrics=127.0.0.1:2375",
            "the default listener can't listen on 0.0.0.0:2375: -metrics needs 127.0.0.1:2375",
        ),
        (
            "-metrics=0.0.0.0:55555 -allowhealthcheck",
            "-metrics can't listen on 0.0.0.0:55555: -allowhealthcheck needs 127.0.0.1:55555",
        ),
    ];
    for (line, message) in rows {
        check_error(line, &[], 1, message);
    }
}

#[test]
fn titles_call_listeners_by_name() {
    let config = config("-allowGET=/a -listen=web=unix:/a", &[]);
    let titles: Vec<String> = config.listeners.iter().map(Listener::title).collect();
    assert_eq!(titles, ["the default listener", "the listener web"]);
}
