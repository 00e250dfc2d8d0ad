//! Single containers, networks, volumes and exec instances: their ids and labels.
//!
//! **Invariant:** a response without its required id is an error, never a thing
//! without labels.
//! **Invariant:** every request ends before its deadline, even if the daemon hangs.

use super::call::Limit;
use super::error::EngineError;
use super::incoming::Incoming;
use super::json_stream::{Bytes, JsonStream};
use crate::http1::percent_encoded;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// The daemon answers under the container's lock, which a start holds for seconds on
/// a busy machine.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

const ANSWER_BYTES_MAX: u64 = 64 << 20;
const TEXT_BYTES_MAX: usize = 4096;

/// How the Engine begins to speak of the beginning of several ids.
const AMBIGUOUS: &str = "Multiple IDs";

/// How many ids of a list are kept.
const IDS_MAX: usize = 16_384;

/// A thing that the daemon has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its full id; the name of a volume.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The requested ones of its labels.
    pub labels: Vec<(String, String)>,
}

/// The product that a daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Docker's Engine, or one that is made of it.
    Engine,
    /// Podman.
    Podman,
    /// Something else.
    Other,
}

/// Questions about single things.
#[derive(Debug, Clone, Copy)]
pub struct Things<'a> {
    /// The daemon's socket.
    pub socket: &'a Path,
    /// The keys of the labels that are read.
    pub keys: &'a [&'a str],
}

type Read<T> = Result<T, EngineError>;

impl Things<'_> {
    /// The container with this id or name.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn container(&self, reference: &str) -> Read<Option<Thing>> {
        // An inspection of `/name` would be redirected.
        let name = reference.strip_prefix('/').unwrap_or(reference);
        let target = format!("/containers/{}/json", percent_encoded(name));
        self.ask(&target, "a container", |json| {
            let (mut id, mut name, mut labels) = (String::new(), String::new(), Vec::new());
            json.object(|key, json| match key.text.as_str() {
                "Id" => text(json).map(|text| id = text),
                "Name" => text(json).map(|text| name = text.trim_start_matches('/').to_owned()),
                "Config" => json.object_or_null(|key, json| match key.text.as_str() {
                    "Labels" => self.labels(json).map(|read| labels = read),
                    _ => json.skip(),
                }),
                _ => json.skip(),
            })?;
            thing(id, name, labels, json)
        })
    }

    /// The network with this id or name.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn network(&self, reference: &str) -> Read<Option<Thing>> {
        let target = format!("/networks/{}", percent_encoded(reference));
        self.ask(&target, "a network", |json| {
            let (mut id, mut name, mut labels) = (String::new(), String::new(), Vec::new());
            json.object(|key, json| match key.text.as_str() {
                "Id" => text(json).map(|text| id = text),
                "Name" => text(json).map(|text| name = text),
                "Labels" => self.labels(json).map(|read| labels = read),
                _ => json.skip(),
            })?;
            thing(id, name, labels, json)
        })
    }

    /// The volume of this name.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn volume(&self, name: &str) -> Read<Option<Thing>> {
        let target = format!("/volumes/{}", percent_encoded(name));
        self.ask(&target, "a volume", |json| {
            let (mut name, mut labels) = (String::new(), Vec::new());
            json.object(|key, json| match key.text.as_str() {
                "Name" => text(json).map(|text| name = text),
                "Labels" => self.labels(json).map(|read| labels = read),
                _ => json.skip(),
            })?;
            thing(name.clone(), name, labels, json)
        })
    }

    /// The exec instance with this id, with the labels of its container.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn exec(&self, reference: &str) -> Read<Option<Thing>> {
        let target = format!("/exec/{}/json", percent_encoded(reference));
        let found = self.ask(&target, "an exec instance", |json| {
            let (mut id, mut container) = (String::new(), String::new());
            json.object(|key, json| match key.text.as_str() {
                "ID" => text(json).map(|text| id = text),
                "ContainerID" => text(json).map(|text| container = text),
                _ => json.skip(),
            })?;
            thing(id, container, Vec::new(), json)
        })?;
        let Some(exec) = found else { return Ok(None) };
        let container = self.container(&exec.name)?;
        Ok(container.map(|container| Thing { id: exec.id, ..container }))
    }

    /// The ids of all containers with all of these labels, which are `KEY=VALUE`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn containers_with(&self, labels: &[String]) -> Read<Vec<String>> {
        let filters = json!({ "label": labels }).to_string();
        let target = format!("/containers/json?all=1&filters={}", percent_encoded(&filters));
        let read = |json: &mut JsonStream<Incoming>| {
            let mut ids = Vec::new();
            json.array(|json| {
                json.object(|key, json| match key.text.as_str() {
                    "Id" if ids.len() < IDS_MAX => text(json).map(|id| ids.push(id)),
                    _ => json.skip(),
                })
            })?;
            Ok(ids)
        };
        self.open(&target)?.read(ANSWER_BYTES_MAX, "a list of containers", read)
    }

    /// The daemon's product, as reported by itself.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn product(&self) -> Read<Product> {
        let read = |json: &mut JsonStream<Incoming>| {
            let mut components = Vec::new();
            json.object(|key, json| match key.text.as_str() {
                "Components" if !json.null()? => json.array(|json| {
                    json.object(|key, json| match key.text.as_str() {
                        "Name" => text(json).map(|name| components.push(name)),
                        _ => json.skip(),
                    })
                }),
                "Components" => Ok(()),
                _ => json.skip(),
            })?;
            Ok(product_of(&components))
        };
        self.open("/version")?.read(ANSWER_BYTES_MAX, "a version", read)
    }

    fn ask<T>(
        &self,
        target: &str,
        whole: &'static str,
        read: impl FnOnce(&mut JsonStream<Incoming>) -> Read<T>,
    ) -> Read<Option<T>> {
        match self.open(target)?.read(ANSWER_BYTES_MAX, whole, read) {
            // Unknown, ambiguous, or redirected to another path.
            Err(EngineError::Status(300..=499, _)) => Ok(None),
            // Engine 20.10's status of an ambiguous one.
            Err(EngineError::Status(500, message)) if message.contains(AMBIGUOUS) => Ok(None),
            other => other.map(Some),
        }
    }

    fn open(&self, target: &str) -> Read<Incoming> {
        Incoming::within(self.socket, target, Limit::Whole(Instant::now() + QUESTION_LIMIT))
    }

    fn labels(&self, json: &mut JsonStream<impl Bytes>) -> Read<Vec<(String, String)>> {
        let mut labels = Vec::new();
        json.object_or_null(|key, json| {
            let is_wanted = !key.is_cut && self.keys.contains(&key.text.as_str());
            if !is_wanted {
                return json.skip();
            }
            let value = json.text(TEXT_BYTES_MAX)?;
            if !value.is_cut {
                labels.push((key.text.clone(), value.text));
            }
            Ok(())
        })?;
        Ok(labels)
    }
}

fn product_of(components: &[String]) -> Product {
    let has = |name: &str| components.iter().any(|component| component == name);
    match components.iter().any(|component| component.to_ascii_lowercase().contains("podman")) {
        true => Product::Podman,
        false if has("Engine") => Product::Engine,
        false => Product::Other,
    }
}

fn text(json: &mut JsonStream<impl Bytes>) -> Read<String> {
    let text = json.text(TEXT_BYTES_MAX)?;
    if text.is_cut { Err(json.misshapen()) } else { Ok(text.text) }
}

fn thing(
    id: String,
    name: String,
    labels: Vec<(String, String)>,
    json: &JsonStream<impl Bytes>,
) -> Read<Thing> {
    match id.is_empty() {
        true => Err(json.misshapen()),
        false => Ok(Thing { id, name, labels }),
    }
}
