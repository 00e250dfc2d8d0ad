//! Ordinary options of real clients pass `-safecreate` and mean the same.
//!
//! Each client does the same straight on the Engine's socket and through the
//! proxy; the resulting state of the Engine is compared. Its containers are also made
//! once more from the output of inspect, as programs do that update containers.

use super::api::Api;
use super::routes::{Client, IMAGE, has_plugin};
use crate::support::engine::{self, Engine, skip};
use crate::support::process::{Outcome, run};
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use serde_json::{Map, Value, json};
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Options of `docker create`. `@` is the client's name: of a network, and of a volume.
const OPTIONS: &[&[&str]] = &[
    &[],
    &[
        "--publish=127.0.0.1:0:80",
        "--publish=0:53/udp",
        "--expose=99",
        "--publish-all",
        "--network=@",
        "--network-alias=web",
        "--network-alias=www",
        "--link-local-ip=169.254.9.9",
        "--volume=@:/v",
        "--volume=/anonymous",
        "--tmpfs=/t:size=1m",
        "--env=A=b",
        "--env=C",
        "--label=a=b",
        "--label=com.example.empty",
        "--restart=on-failure:3",
        "--log-driver=json-file",
        "--log-opt=max-size=1m",
        "--log-opt=max-file=2",
    ],
    &[
        "--dns=9.9.9.9",
        "--dns-search=example.org",
        "--dns-option=ndots:1",
        "--add-host=a:1.2.3.4",
        "--memory=64m",
        "--memory-reservation=32m",
        "--memory-swap=128m",
        "--cpus=0.5",
        "--cpu-shares=512",
        "--cpuset-cpus=0",
        "--pids-limit=100",
        "--user=1000:1000",
        "--workdir=/tmp",
        "--entrypoint=/bin/sh",
        "--group-add=1001",
        "--mount=type=volume,source=@,target=/m,readonly",
        "--mount=type=tmpfs,target=/t,tmpfs-size=65536,tmpfs-mode=1770",
    ],
    &[
        "--network=none",
        "--hostname=h",
        "--domainname=example.org",
        "--mount=type=volume,source=@,target=/m,volume-nocopy,volume-label=a=b",
        "--mount=type=volume,target=/n",
        "--cpu-period=100000",
        "--cpu-quota=50000",
        "--user=0",
        "--interactive",
        "--tty",
        "--health-cmd=true",
        "--health-interval=1s",
        "--health-retries=2",
        "--health-timeout=1s",
        "--oom-score-adj=100",
        "--shm-size=1m",
        "--ulimit=nofile=1024:2048",
        "--ulimit=core=0",
        "--init",
        "--read-only",
        "--log-driver=local",
        "--log-opt=max-size=1m",
        "--log-opt=compress=false",
    ],
    &[
        "--volume=@:/again:ro",
        "--restart=unless-stopped",
        "--stop-signal=SIGINT",
        "--stop-timeout=3",
        "--no-healthcheck",
        "--cap-drop=ALL",
        "--cap-add=CHOWN",
        "--cap-add=NET_BIND_SERVICE",
        "--security-opt=no-new-privileges",
        "--log-driver=none",
        "--ipc=private",
        "--runtime=runc",
        "--isolation=default",
    ],
    &["--ipc=shareable", "--security-opt=no-new-privileges:true", "--cap-drop=NET_RAW"],
];

#[test]
fn the_docker_client_creates_what_it_creates_straight() {
    let Some(engine) = engine::shared() else { return };
    for program in docker_clients() {
        same(engine, |client| {
            let things = Things::new(engine, client);
            let created = |options: &&[&str]| {
                let options: Vec<_> =
                    options.iter().map(|option| option.replace('@', &client.name)).collect();
                let options: Vec<_> = options.iter().map(String::as_str).collect();
                let name = ["create", "--name", &client.name];
                things.docker(program, &[&name[..], &options, &[IMAGE, "true"]].concat()).success();
                let created = things.inspected();
                things.made_again();
                things.remove_container();
                created
            };
            OPTIONS.iter().map(created).collect::<Vec<_>>()
        });
    }
}

#[test]
fn the_docker_client_runs_and_executes() {
    let Some(engine) = engine::shared() else { return };
    for program in docker_clients() {
        same(engine, |client| {
            let things = Things::new(engine, client);
            let run = ["run", "--rm", "--user=1000", "--memory=64m", "--read-only", "--tmpfs=/t"];
            let command = [IMAGE, "sh", "-c", "id -u; touch /t/file && echo written"];
            let ran = things.docker(program, &[&run[..], &command].concat()).success();
            let name = client.name.as_str();
            let detached = ["run", "--detach", "--name", name, IMAGE, "sleep", "600"];
            things.docker(program, &detached).success();
            let options = ["--env=A=b", "--workdir=/tmp", "--user=1000", "--interactive"];
            let script = [name, "sh", "-c", "echo $A; pwd; id -u; cat"];
            let exec =
                things.docker(program, &[&["exec"], &options[..], &script].concat()).success();
            let update = ["update", "--memory=128m", "--memory-swap=256m", "--restart=no"];
            let limits = ["--cpus=0.5", "--pids-limit=64", name];
            things.docker(program, &[&update[..], &limits].concat()).success();
            let updated = things.inspected();
            things.docker(program, &["network", "connect", "--alias=web", name, name]).success();
            things.docker(program, &["network", "disconnect", name, name]).success();
            for act in [&["restart", "--time=0", name][..], &["kill", name], &["start", name]] {
                things.docker(program, act).success();
            }
            (ran, exec, updated)
        });
    }
}

#[test]
fn the_docker_client_creates_networks_and_volumes() {
    let Some(engine) = engine::shared() else { return };
    for program in docker_clients() {
        for options in [
            &[][..],
            &["--driver=bridge", "--internal", "--label=a=b", "--attachable"],
            &["--subnet=10.200.7.0/24", "--gateway=10.200.7.1", "--ip-range=10.200.7.128/25"],
            &["--opt=com.docker.network.driver.mtu=1400"],
            &["--opt=com.docker.network.bridge.enable_icc=false"],
        ] {
            same(engine, |client| {
                let name = format!("{}-net", client.name);
                let create = [&["network", "create"][..], options, &[&name]].concat();
                docker_of(program, client, &create).success();
                let network = Api::straight(engine.socket()).get(&format!("/networks/{name}"));
                docker_of(program, client, &["network", "rm", &name]).success();
                let keep = ["Driver", "Internal", "Attachable", "Labels", "Options", "EnableIPv6"];
                keep.map(|key| network[key].to_string())
            });
        }
        for options in [&[][..], &["--driver=local", "--label=a=b"]] {
            same(engine, |client| {
                let name = format!("{}-vol", client.name);
                let create = [&["volume", "create"][..], options, &[&name]].concat();
                docker_of(program, client, &create).success();
                let volume = Api::straight(engine.socket()).get(&format!("/volumes/{name}"));
                docker_of(program, client, &["volume", "rm", &name]).success();
                ["Driver", "Labels", "Options"].map(|key| volume[key].to_string())
            });
        }
    }
}

#[test]
fn the_classic_builder_builds() {
    let Some(engine) = engine::shared() else { return };
    for program in docker_clients() {
        same(engine, |client| {
            let context = client.file("context");
            fs::create_dir(&context).expect("a directory of ours");
            let text = format!(
                "FROM {IMAGE}\nARG WHO=nobody\nLABEL of=$WHO\nCOPY file /file\n\
                 RUN cat /file && touch /built\nCMD [\"cat\", \"/file\"]\n"
            );
            fs::write(context.join("Dockerfile"), text).expect("a file of ours");
            fs::write(context.join("file"), "content").expect("a file of ours");
            let context = context.display().to_string();
            let options =
                ["--build-arg=WHO=me", "--label=a=b", "--no-cache", "--rm", "--network=none"];
            let limits = ["--memory=256m", "--cpuset-cpus=0", "--shm-size=1m", "--ulimit=core=0"];
            let build = [&["build"], &options[..], &limits, &["--tag", &client.name, &context]];
            let mut command = command_of(program, client, &build.concat());
            run(command.env("DOCKER_BUILDKIT", "0"), b"").success();
            let ran = docker_of(program, client, &["run", "--rm", &client.name]).success();
            let format = ["image", "inspect", "--format", "{{json .Config.Labels}}", &client.name];
            (ran, docker_of(program, client, &format).success())
        });
    }
}

/// A service with everything that an ordinary file requests.
const COMPOSE: &str = "\
version: '2.4'
services:
  app:
    image: busybox:latest
    command: ['sh', '-c', 'exec sleep 600']
    environment: {A: b}
    labels: {a: b}
    restart: unless-stopped
    user: '1000:1000'
    working_dir: /tmp
    entrypoint: ['/bin/busybox']
    healthcheck: {test: ['CMD', 'true'], interval: 1s, timeout: 1s, retries: 3, start_period: 1s}
    ulimits: {core: 0, nofile: {soft: 1024, hard: 2048}}
    tmpfs: ['/t:size=1m']
    init: true
    read_only: true
    cap_drop: [ALL]
    cap_add: [CHOWN]
    security_opt: ['no-new-privileges:true']
    logging: {driver: json-file, options: {max-size: 1m, max-file: '2'}}
    ports: ['127.0.0.1:0:80']
    expose: ['99']
    mem_limit: 64m
    mem_reservation: 32m
    cpus: 0.5
    pids_limit: 100
    shm_size: 1m
    dns: [9.9.9.9]
    extra_hosts: ['a:1.2.3.4']
    stop_signal: SIGINT
    stop_grace_period: 1s
    networks: {default: {aliases: [web]}, back: {}}
    volumes: ['data:/data', '/anonymous', 'data:/again:ro']
    depends_on: [other]
  other:
    image: busybox:latest
    command: sleep 600
    network_mode: none
    logging: {driver: local}
    stop_grace_period: 0s
networks:
  back: {internal: true, labels: {a: b}}
volumes:
  data: {labels: {a: b}}
";

#[test]
fn compose_brings_up_a_project_with_ordinary_options_changes_it_and_takes_it_down() {
    let Some(engine) = engine::shared() else { return };
    let mut programs = Vec::new();
    if Command::new("docker-compose").arg("version").output().is_ok() {
        programs.push("docker-compose");
    }
    if has_plugin("compose") {
        programs.push("docker");
    }
    if programs.is_empty() {
        return skip("there is no compose");
    }
    for program in programs {
        same(engine, |client| {
            let project = Project { program, client };
            // The entrypoint is busybox, whose first argument names the program.
            project.write(&COMPOSE.replace("['sh', '-c', 'exec sleep 600']", "sleep 600"));
            project.run(&["up", "--detach"]).success();
            let up = project.containers(engine);
            let exec = project.run(&["exec", "-T", "app", "id", "-u"]).success();
            project.write(&COMPOSE.replace("['sh', '-c', 'exec sleep 600']", "sleep 601"));
            project.run(&["up", "--detach"]).success();
            let changed = project.containers(engine);
            project.run(&["run", "--rm", "--no-deps", "-T", "other", "true"]).success();
            project.run(&["down", "--volumes", "--timeout=0"]).success();
            (up, exec, changed)
        });
    }
}

#[test]
fn libraries_create_what_they_create_straight() {
    let Some(engine) = engine::shared() else { return };
    let made = Command::new(LIBRARIES).output().expect("a script of ours");
    if !made.status.success() {
        let reason = String::from_utf8_lossy(&made.stderr);
        return skip(reason.lines().last().unwrap_or("there are no client libraries"));
    }
    let directory = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
    for library in ["docker-py", "aiodocker", "testcontainers"] {
        same(engine, |client| {
            let mut python = Command::new(directory.join("python"));
            let outcome = run(python.args([PYTHON, library, client.host(), &client.name]), b"");
            client.normal_text(&outcome.success())
        });
    }
    same(engine, |client| {
        let mut node = Command::new("node");
        node.env("NODE_PATH", directory.join("node_modules"));
        client.normal_text(&run(node.args([NODE, client.host(), &client.name]), b"").success())
    });
}

/// Makes the libraries available.
const LIBRARIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/client-libraries");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/engine/libraries.py");
const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/engine/libraries.js");

struct Project<'a> {
    program: &'a str,
    client: &'a Client,
}

impl Project<'_> {
    fn write(&self, text: &str) {
        fs::write(self.client.file("compose.yml"), text).expect("a file of ours");
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        let file = self.client.file("compose.yml").display().to_string();
        let project = ["--project-name", &self.client.name, "--file", &file];
        let arguments = [&project[..], arguments].concat();
        let mut command = if self.program == "docker" {
            self.client.command(&[&["compose"], &arguments[..]].concat())
        } else {
            let mut command = Command::new(self.program);
            command.args(arguments).env("DOCKER_HOST", self.client.host());
            command
        };
        run(&mut command, b"")
    }

    /// The inspected containers of the project, by the names of their services.
    fn containers(&self, engine: &Engine) -> Vec<String> {
        let label = format!("com.docker.compose.project={}", self.client.name);
        let filters = json!({"label": [label]}).to_string();
        let filters = filters.replace('"', "%22").replace(['{', '}'], "");
        let api = Api::straight(engine.socket());
        let list = api.get(&format!("/containers/json?all=1&filters=%7B{filters}%7D"));
        let ids = list.as_array().expect("a list").iter();
        let ids = ids.filter_map(|container| container["Id"].as_str());
        let mut seen: Vec<_> = ids
            .map(|id| {
                let container = api.get(&format!("/containers/{id}/json"));
                made_again(engine, self.client, &container);
                self.client.normal_text(&settled(&container))
            })
            .collect();
        seen.sort();
        seen
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        self.run(&["down", "--volumes", "--timeout=0"]);
    }
}

/// The docker clients of this machine: that of the path, and Debian's.
fn docker_clients() -> Vec<&'static str> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let clients = ["docker", "/usr/bin/docker"];
    let differ = version(clients[1]).is_some_and(|it| version(clients[0]) != Some(it));
    clients[..if differ { 2 } else { 1 }].to_vec()
}

fn command_of(program: &str, client: &Client, arguments: &[&str]) -> Command {
    let template = client.command(arguments);
    let mut command = Command::new(program);
    command.args(template.get_args());
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[track_caller]
fn docker_of(program: &str, client: &Client, arguments: &[&str]) -> Outcome {
    run(&mut command_of(program, client, arguments), b"")
}

/// Acts straight and through a proxy with `-safecreate`, and compares.
#[track_caller]
fn same<T: PartialEq + Debug>(engine: &Engine, act: impl Fn(&Client) -> T) {
    let straight = act(&Client::new(engine.socket(), None));
    let flags = [ALLOW_ALL, FLAGS].concat();
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), &flags);
    let safe = act(&Client::new(engine.socket(), Some(proxy.host())));
    assert_eq!(safe, straight, "with -safecreate (left) it differs");
    assert!(!proxy.log().contains("blocked request"), "something was refused");
}

const FLAGS: &[&str] = &["-safecreate", "-loglevel=DEBUG"];

/// A network and a volume of the client's name, made without the proxy.
struct Things<'a> {
    engine: &'a Engine,
    client: &'a Client,
}

impl<'a> Things<'a> {
    fn new(engine: &'a Engine, client: &'a Client) -> Things<'a> {
        let api = Api::straight(engine.socket());
        let network = json!({"Name": client.name, "CheckDuplicate": true}).to_string();
        assert_eq!(api.post("/networks/create", &network).status, 201);
        let volume = json!({"Name": client.name}).to_string();
        assert_eq!(api.post("/volumes/create", &volume).status, 201);
        Things { engine, client }
    }

    #[track_caller]
    fn docker(&self, program: &str, arguments: &[&str]) -> Outcome {
        docker_of(program, self.client, arguments)
    }

    fn container(&self) -> Value {
        let name = &self.client.name;
        Api::straight(self.engine.socket()).get(&format!("/containers/{name}/json"))
    }

    /// The inspected container.
    fn inspected(&self) -> String {
        self.client.normal_text(&settled(&self.container()))
    }

    #[track_caller]
    fn made_again(&self) {
        made_again(self.engine, self.client, &self.container());
    }

    fn remove_container(&self) {
        let path = format!("/containers/{}?force=1&v=1", self.client.name);
        Api::straight(self.engine.socket()).call("DELETE", &path, "");
    }
}

impl Drop for Things<'_> {
    fn drop(&mut self) {
        let api = Api::straight(self.engine.socket());
        let name = &self.client.name;
        self.remove_container();
        api.call("DELETE", &format!("/networks/{name}"), "");
        api.call("DELETE", &format!("/volumes/{name}?force=1"), "");
    }
}

/// The part of an inspected container that is the same for each of its kind.
fn settled(container: &Value) -> String {
    let mut config = container["Config"].clone();
    let short = container["Id"].as_str().and_then(|id| id.get(..12));
    if config["Hostname"].as_str() == short {
        config["Hostname"] = Value::Null;
    }
    if let Some(labels) = config["Labels"].as_object_mut() {
        // Paths of the client's own files, and numbers made of them.
        labels.retain(|name, _| !name.starts_with("com.docker.compose."));
    }
    let mut host = container["HostConfig"].clone();
    // Clients send them in any order.
    config.get_mut("Env").map(sort);
    for name in ["Mounts", "Binds", "Ulimits"] {
        host.get_mut(name).map(sort);
    }
    json!({"Config": config, "HostConfig": host}).to_string()
}

fn sort(list: &mut Value) {
    if let Some(items) = list.as_array_mut() {
        items.sort_by_key(ToString::to_string);
    }
}

/// Creates a container from another one's inspect, as Watchtower does: with all
/// of `Config` and `HostConfig`, and its networks.
#[track_caller]
fn made_again(engine: &Engine, client: &Client, container: &Value) {
    let straight = Api::straight(engine.socket());
    let mut body = container["Config"].as_object().expect("an inspect").clone();
    body.insert("HostConfig".to_owned(), container["HostConfig"].clone());
    let mut endpoints = container["NetworkSettings"]["Networks"].clone();
    for (_, endpoint) in endpoints.as_object_mut().into_iter().flatten() {
        // It takes its own id from the aliases.
        if let Some(aliases) = endpoint["Aliases"].as_array_mut() {
            aliases.retain(|alias| !is_id_of(container, alias));
        }
    }
    // Early Engines take one network here.
    let first: Map<_, _> =
        endpoints.as_object().into_iter().flatten().take(1).map(clones).collect();
    body.insert("NetworkingConfig".to_owned(), json!({"EndpointsConfig": first}));
    let body = Value::Object(body).to_string();
    let answer = Api::at(client.host()).post("/containers/create", &body);
    assert_eq!(answer.status, 201, "{}: {body}", answer.message());
    let id = answer.json()["Id"].as_str().unwrap_or_default().to_owned();
    let again = straight.get(&format!("/containers/{id}/json"));
    straight.call("DELETE", &format!("/containers/{id}?force=1"), "");
    assert_eq!(again["HostConfig"], container["HostConfig"], "{body}");
}

fn is_id_of(container: &Value, alias: &Value) -> bool {
    let id = container["Id"].as_str().unwrap_or_default();
    alias.as_str().is_some_and(|alias| id.starts_with(alias))
}

fn clones((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
