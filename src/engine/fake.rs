//! An Engine for the tests: a world of containers that the test changes, with or
//! without the events that a real Engine would send, at the time it chooses.

use super::fake_daemon::Directory;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// A container of the fake world.
#[derive(Debug, Clone)]
pub(crate) struct FakeContainer {
    id: String,
    name: String,
    labels: Vec<(String, String)>,
    running: bool,
    /// Network and addresses (v4, v6).
    places: Vec<(String, String, String)>,
}

impl FakeContainer {
    /// A running container without labels that has `address` on `network`.
    pub(crate) fn new(id: &str, network: &str, address: &str) -> Self {
        let (id, name, labels, places) = (id.into(), id.into(), vec![], vec![]);
        Self { id, name, labels, running: true, places }.on(network, address, "")
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    pub(crate) fn label(mut self, label: &str, value: &str) -> Self {
        self.labels.push((label.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn on(mut self, network: &str, v4: &str, v6: &str) -> Self {
        self.places.push((network.to_owned(), v4.to_owned(), v6.to_owned()));
        self
    }

    pub(crate) fn stopped(mut self) -> Self {
        self.running = false;
        self.places.iter_mut().for_each(|place| *place = (place.0.clone(), "".into(), "".into()));
        self
    }

    fn labels(&self) -> Value {
        self.labels.iter().map(|(label, value)| (label.clone(), json!(value))).collect()
    }

    fn settings(&self) -> Value {
        let networks: serde_json::Map<String, Value> = self
            .places
            .iter()
            .map(|place| (format!("name of {}", place.0), network(place)))
            .collect();
        json!({ "Networks": networks })
    }

    fn inspection(&self) -> Value {
        json!({"Id": self.id, "Name": format!("/{}", self.name),
            "State": {"Running": self.running}, "Config": {"Labels": self.labels()},
            "NetworkSettings": self.settings()})
    }

    fn list_item(&self) -> Value {
        json!({"Id": self.id, "Names": [format!("/{}", self.name)], "Labels": self.labels(),
            "State": "running", "NetworkSettings": self.settings()})
    }
}

/// Every network is a /16 whose gateway ends in `.0.1`, and `fd00:…::/64`.
fn network((id, v4, v6): &(String, String, String)) -> Value {
    let gateway = v4.rsplitn(3, '.').last().map(|net| format!("{net}.0.1"));
    json!({"NetworkID": id, "IPAddress": v4, "IPPrefixLen": if v4.is_empty() { 0 } else { 16 },
        "Gateway": gateway.filter(|_| !v4.is_empty()).unwrap_or_default(),
        "GlobalIPv6Address": v6, "GlobalIPv6PrefixLen": if v6.is_empty() { 0 } else { 64 },
        "IPv6Gateway": ""})
}

/// The Engine. Its threads end with the test program.
pub(crate) struct FakeEngine {
    directory: Directory,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    containers: Vec<FakeContainer>,
    /// Drivers of networks that are no bridges.
    drivers: HashMap<String, String>,
    /// Raw answers instead of the truth, by target; then the end.
    scripted: HashMap<String, String>,
    requests: Vec<String>,
    streams: Vec<UnixStream>,
    refuses: bool,
    frozen: Option<Vec<FakeContainer>>,
}

impl FakeEngine {
    pub(crate) fn start() -> Self {
        let fake = Self { directory: Directory::new(), world: Arc::default() };
        fake.listen();
        fake
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.socket()
    }

    /// Puts a container into the world, or another in the place of its id.
    pub(crate) fn put(&self, container: FakeContainer) {
        let mut world = self.world();
        world.containers.retain(|other| other.id != container.id);
        world.containers.push(container);
    }

    pub(crate) fn remove(&self, id: &str) {
        self.world().containers.retain(|container| container.id != id);
    }

    /// Freezes the lists of networks at the present state, despite later changes.
    pub(crate) fn freeze_looks(&self) {
        let mut world = self.world();
        world.frozen = Some(world.containers.clone());
    }

    pub(crate) fn thaw_looks(&self) {
        self.world().frozen = None;
    }

    pub(crate) fn set_driver(&self, network: &str, driver: &str) {
        self.world().drivers.insert(network.to_owned(), driver.to_owned());
    }

    /// Answers a target with these bytes and the end, instead of the truth.
    pub(crate) fn script(&self, target: &str, raw: &str) {
        self.world().scripted.insert(target.to_owned(), raw.to_owned());
    }

    pub(crate) fn unscript(&self, target: &str) {
        self.world().scripted.remove(target);
    }

    /// Whether to answer 500 to everything.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.world().refuses = refuses;
    }

    /// Sends an event about a container.
    pub(crate) fn container_event(&self, action: &str, id: &str, name: &str) {
        self.event(&json!({"Type": "container", "Action": action,
            "Actor": {"ID": id, "Attributes": {"name": name}}}));
    }

    pub(crate) fn network_event(&self, action: &str, network: &str, id: &str) {
        self.event(&json!({"Type": "network", "Action": action,
            "Actor": {"ID": network, "Attributes": {"container": id, "name": "n"}}}));
    }

    fn event(&self, event: &Value) {
        self.raw_event(&format!("{event}\n"));
    }

    pub(crate) fn raw_event(&self, text: &str) {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        self.world().streams.retain_mut(|stream| stream.write_all(chunk.as_bytes()).is_ok());
    }

    /// Breaks all streams of events.
    pub(crate) fn break_streams(&self) {
        for stream in self.world().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Ends the present listener and begins anew, as an Engine that restarts.
    pub(crate) fn replace_socket(&self) {
        self.directory.remove_socket();
        self.listen();
    }

    /// The targets of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.world().requests.clone()
    }

    /// The number of requests so far whose target begins so.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.world().requests.iter().filter(|target| target.starts_with(prefix)).count()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn listen(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let world = Arc::clone(&self.world);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let world = Arc::clone(&world);
                thread::spawn(move || serve(&world, client));
            }
        });
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.break_streams();
    }
}

fn serve(world: &Mutex<World>, mut client: UnixStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut buffer) {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let answer = world.lock().unwrap().answer(&target, &client);
    let _ = client.write_all(answer.as_bytes());
}

impl World {
    /// The answer to a request, but for events: they are written while the world is
    /// locked, so that none can come before the head.
    fn answer(&mut self, target: &str, mut client: &UnixStream) -> String {
        self.requests.push(target.to_owned());
        if let Some(raw) = self.scripted.get(target) {
            return raw.clone();
        }
        if self.refuses {
            return "HTTP/1.1 500 No\r\n\r\n{\"message\":\"broken\"}".to_owned();
        }
        if target.starts_with("/events?") {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = client.write_all(head.as_bytes());
            self.streams.push(client.try_clone().unwrap());
            return String::new();
        }
        match self.truth(target) {
            Some(value) => ok(&value),
            None => "HTTP/1.1 404 Not Found\r\n\r\n{\"message\":\"no such container\"}".to_owned(),
        }
    }

    fn list(&self, filters: &str) -> Value {
        let is_named = |name: &str| filters.contains(&format!("%22{name}%22"));
        let is_on_one = |container: &&FakeContainer| {
            container.running && container.places.iter().any(|place| is_named(&place.0))
        };
        if is_named("network") {
            let shown = self.frozen.as_ref().unwrap_or(&self.containers);
            return shown.iter().filter(is_on_one).map(FakeContainer::list_item).collect();
        }
        let asked = self.containers.iter().filter(|container| is_named(&container.id));
        asked.filter(|container| container.running).map(FakeContainer::list_item).collect()
    }

    /// A network with all endpoints on it, of which a real Engine knows at once.
    fn network(&self, id: &str) -> Value {
        let mut subnets = Vec::new();
        let mut endpoints = serde_json::Map::new();
        for container in &self.containers {
            for (_, v4, v6) in container.places.iter().filter(|place| place.0 == id) {
                let net = v4.rsplitn(3, '.').last().unwrap_or_default();
                if !v4.is_empty() {
                    subnets.push(
                        json!({"Subnet": format!("{net}.0.0/16"), "Gateway": format!("{net}.0.1")}),
                    );
                }
                let with = |address: &str, bits| match address {
                    "" => String::new(),
                    address => format!("{address}/{bits}"),
                };
                let endpoint = json!({"IPv4Address": with(v4, 16), "IPv6Address": with(v6, 64)});
                endpoints.insert(container.id.clone(), endpoint);
            }
        }
        let driver = self.drivers.get(id).map_or("bridge", String::as_str);
        json!({"Id": id, "Driver": driver, "IPAM": {"Config": subnets}, "Options": {},
            "Containers": endpoints})
    }

    fn truth(&self, target: &str) -> Option<Value> {
        if let Some(filters) = target.strip_prefix("/containers/json?filters=") {
            return Some(self.list(filters));
        }
        if let Some(network) = target.strip_prefix("/networks/") {
            return Some(self.network(network));
        }
        let name = target.strip_prefix("/containers/")?.strip_suffix("/json")?;
        let by_id = |container: &&FakeContainer| container.id == name;
        let by_name = |container: &&FakeContainer| container.name == name;
        let by_beginning = |container: &&FakeContainer| container.id.starts_with(name);
        let all = || self.containers.iter();
        let found = all().find(by_id).or_else(|| all().find(by_name));
        found.or_else(|| all().find(by_beginning)).map(FakeContainer::inspection)
    }
}

fn ok(value: &Value) -> String {
    let body = value.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
