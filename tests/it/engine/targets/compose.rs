//! Two projects of Compose on one Engine, each behind a proxy that shows it alone.

use crate::engine::routes::{Client, has_plugin};
use crate::support::engine;
use crate::support::process::{Outcome, run};
use crate::support::proxy::{Listen, Proxy};
use crate::support::scratch::unique;
use std::fs;
use std::path::PathBuf;

/// A project and its owner's way to the Engine.
struct Project {
    name: String,
    proxy: Proxy,
    client: Client,
    file: PathBuf,
}

const FILE: &str = "
services:
  app:
    image: 'busybox:latest'
    command: ['sh', '-c', 'echo started; exec sleep 600']
    init: true
    volumes: ['data:/data']
    networks: ['back']
    depends_on: ['db']
  db:
    image: 'busybox:latest'
    command: ['sleep', '600']
    init: true
    networks: ['back', 'front']
volumes: {data: {}}
networks: {back: {}, front: {}}
";

impl Project {
    fn new(socket: &std::path::Path, more: &[&str]) -> Project {
        let name = unique("project");
        let target = format!("-targetlabel=com.docker.compose.project={name}");
        let flags = [&[target.as_str(), "-allow=all"], more].concat();
        let proxy = Proxy::start(Listen::Unix, socket, &flags);
        let client = Client::new(socket, Some(proxy.host()));
        let file = client.file("compose.yml");
        fs::write(&file, FILE).expect("a file of ours");
        Project { name, proxy, client, file }
    }

    #[track_caller]
    fn compose(&self, arguments: &[&str]) -> Outcome {
        let file = self.file.to_str().expect("a path of ours");
        let project = ["compose", "--project-name", &self.name, "--file", file];
        run(&mut self.client.command(&[&project[..], arguments].concat()), b"")
    }

    /// The names of the objects that the owner sees.
    #[track_caller]
    fn seen(&self) -> String {
        let lists = [
            &["ps", "--all", "--format", "{{.Names}}"][..],
            &["network", "ls", "--format", "{{.Name}}"],
            &["volume", "ls", "--format", "{{.Name}}"],
        ];
        lists.map(|list| self.client.docker(list).success()).join("\n")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = self.compose(&["down", "--volumes", "--timeout", "0"]);
    }
}

#[test]
fn two_projects_run_side_by_side_and_see_nothing_of_each_other() {
    let Some(engine) = engine::shared() else { return };
    if !has_plugin("compose") {
        return;
    }
    let projects = [&[][..], &["-safecreate"]].map(|more| Project::new(engine.socket(), more));
    for project in &projects {
        project.compose(&["up", "--detach", "--quiet-pull"]).success();
    }
    for (project, other) in [(&projects[0], &projects[1]), (&projects[1], &projects[0])] {
        let seen = project.seen();
        assert_eq!(seen.lines().count(), 5, "{seen}");
        assert!(seen.lines().all(|name| name.contains(&project.name)), "{seen}");
        let ps = project.compose(&["ps", "--format", "{{.Service}}"]).success();
        assert_eq!(ps.lines().count(), 2, "{ps}");
        project.compose(&["exec", "-T", "app", "ping", "-c1", "-W5", "db"]).success();
        assert!(project.compose(&["logs", "app"]).success().contains("started"));
        project.compose(&["cp", "app:/etc/passwd", "/dev/null"]).code.expect("ended");
        project.compose(&["restart", "--timeout", "0", "app"]).success();
        project.compose(&["up", "--detach", "--force-recreate", "--timeout", "0"]).success();
        let foreign = format!("{}-app-1", other.name);
        let exec = project.client.docker(&["exec", &foreign, "true"]);
        assert!(exec.stderr_text().contains("No such container"), "{exec:?}");
    }
    projects[0].compose(&["down", "--volumes", "--timeout", "0"]).success();
    assert_eq!(projects[0].seen().trim(), "");
    assert_eq!(projects[1].seen().lines().count(), 5);
    projects[1].compose(&["down", "--volumes", "--timeout", "0"]).success();
    for project in &projects {
        let log = project.proxy.log();
        let blocked = log.lines().filter(|line| line.contains("blocked request"));
        let unexpected = |line: &&str| !line.contains("reason=\"the container is not a target\"");
        assert_eq!(blocked.filter(unexpected).collect::<Vec<_>>(), [""; 0]);
    }
}
