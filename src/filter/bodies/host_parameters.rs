//! Parameters of queries that name a place of the host, outside of builds.
//!
//! Most of them are Podman's, which reads `dir:/etc` where an image's name is
//! expected, and a path where a URL is. Checkpoints of the Engine have a
//! directory of their own. Parameters that are not in the table pass: clients
//! repeat whole bodies in queries.

use super::directories::BindMounts;
use super::engine::{check_checkpoint_name, check_secret_driver};
use super::images::{check_archive, check_image};
use super::query::{Parameter, parameters};
use super::refusal::{Refusal, Unfit};
use crate::api::Operation;

/// The allowed values of a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// A directory or file within the list.
    Path,
    /// The name of a checkpoint.
    Checkpoint,
    /// The name of an image.
    Image,
    /// Where an archive comes from.
    Archive,
    /// A driver of secrets.
    SecretDriver,
    /// Nothing.
    Never,
}

/// The judged parameters of a request, by name.
pub(super) type Parameters = &'static [(&'static str, Value)];

pub(super) const CHECKPOINTS: Parameters = &[("dir", Value::Path)];
const START: Parameters = &[("checkpoint", Value::Checkpoint), ("checkpoint-dir", Value::Path)];
const IMAGE_CREATE: Parameters = &[("fromSrc", Value::Archive), ("fromImage", Value::Image)];
const IMAGE_PULL: Parameters = &[("reference", Value::Image)];
const IMAGE_IMPORT: Parameters = &[("URL", Value::Archive)];
const PUSH: Parameters = &[("destination", Value::Image)];
pub(super) const MANIFESTS: Parameters =
    &[("image", Value::Image), ("images", Value::Image), ("destination", Value::Image)];
const SECRETS: Parameters = &[("driver", Value::SecretDriver), ("driveropts", Value::Never)];
pub(super) const ARTIFACTS: Parameters = &[("path", Value::Never)];

/// Checks the judged parameters of a query.
pub(super) fn check_query(
    allowed: &BindMounts,
    judged: Parameters,
    query: &str,
) -> Result<(), Refusal> {
    if judged.is_empty() || query.is_empty() {
        return Ok(());
    }
    for parameter in parameters(query)?.iter().filter(|parameter| !parameter.value.is_empty()) {
        for (_, value) in judged.iter().filter(|(name, _)| parameter.is(name)) {
            check(allowed, *value, parameter)?;
        }
    }
    Ok(())
}

/// The judged parameters of an operation.
pub(super) fn of(operation: Operation) -> Parameters {
    use Operation as Of;
    match operation {
        Of::CheckpointList | Of::CheckpointCreate | Of::CheckpointDelete => CHECKPOINTS,
        Of::ContainerStart | Of::ContainerStartLibpod => START,
        Of::ImageCreate => IMAGE_CREATE,
        Of::ImagePullLibpod => IMAGE_PULL,
        Of::ImageImportLibpod => IMAGE_IMPORT,
        Of::ImagePush | Of::ImagePushLibpod | Of::PluginPush => PUSH,
        Of::SecretCreateLibpod => SECRETS,
        _ => &[],
    }
}

fn check(allowed: &BindMounts, value: Value, parameter: &Parameter) -> Result<(), Refusal> {
    let Parameter { name, value: text } = parameter;
    match value {
        Value::Path => allowed.check_raw_path(name, text),
        Value::Checkpoint => check_checkpoint_name(name, text),
        Value::Image => check_image(name, text),
        Value::Archive => check_archive(name, text),
        Value::SecretDriver => check_secret_driver(name, text),
        Value::Never if matches!(text.as_str(), "{}" | "null") => Ok(()),
        Value::Never => Err(Refusal::value(name, Unfit::HostPlace, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::Recognised;
    use super::*;
    use crate::http1::Method;

    fn judge(method: Method, target: &str) -> Result<(), Refusal> {
        let allowed = BindMounts::parse("/home").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        check_query(&allowed, Recognised::of(method, path).parameters, query)
    }

    #[test]
    fn ordinary_queries_pass() {
        for (method, target) in [
            (Method::Get, "/v1.51/containers/x/checkpoints"),
            (Method::Get, "/containers/x/checkpoints?dir=/home/c"),
            (Method::Delete, "/containers/x/checkpoints/c?dir="),
            (Method::Post, "/containers/x/start?detachKeys=ctrl-p%2Cctrl-q&checkpoint=c"),
            (Method::Post, "/images/create?fromImage=docker.io%2Flibrary%2Falpine&tag=3&platform="),
            (Method::Post, "/images/create?fromSrc=-&repo=x&changes=ENV+A%3D/b"),
            (Method::Post, "/images/localhost:5000/x/push?tag=1"),
            (Method::Post, "/v5.8.0/libpod/images/pull?reference=docker://alpine&policy=missing"),
            (Method::Post, "/v5.8.0/libpod/images/import?reference=x&changes=CMD%3D/x"),
            (Method::Post, "/v5.8.0/libpod/images/x/push?destination=reg:5000/x&tlsVerify=false"),
            (Method::Post, "/v5.8.0/libpod/secrets/create?name=x&driver=file&driveropts="),
            (Method::Put, "/v5.8.0/libpod/manifests/x?images=alpine"),
            (Method::Post, "/v5.8.0/libpod/artifacts/add?name=x&fileName=y"),
            (Method::Get, "/containers/json?dir=/etc"),
        ] {
            assert_eq!(judge(method, target), Ok(()), "{method} {target}");
        }
    }

    #[test]
    fn places_of_the_host_are_refused() {
        for (method, target) in [
            (Method::Get, "/containers/x/checkpoints?dir=/etc"),
            (Method::Get, "/v1.51/containers/a/b/checkpoints?dir=etc"),
            (Method::Get, "/containers/x/checkpoints?dir=/home&dir=/etc"),
            (Method::Head, "/containers/x/checkpoints?dir=/etc"),
            (Method::Delete, "/containers/x/checkpoints/c?dir=/home/../etc"),
            (Method::Post, "/containers/x/checkpoints?dir=/etc"),
            (Method::Post, "/containers/x/start?checkpoint-dir=/etc"),
            (Method::Post, "/containers/x/start?checkpoint=../../../etc"),
            (Method::Post, "/containers/x/start/?Checkpoint-Dir=%2Fetc"),
            (Method::Post, "/images/create?fromSrc=/etc/x.tar"),
            (Method::Post, "/images/create?FROMSRC=x.tar"),
            (Method::Post, "/images/create?fromImage=oci-archive:/etc/x"),
            (Method::Post, "/images/create?fromImage=dir&fromImage=dir:/etc"),
            (Method::Post, "/images/create?tag=x;fromSrc=/etc/x"),
            (Method::Post, "/images/x/push?destination=dir:/etc/cron.d"),
            (Method::Post, "/v5.8.0/libpod/images/a/b/push?destination=oci:/x"),
            (Method::Post, "/v5.8.0/libpod/images/pull?reference=docker-archive:/x.tar"),
            (Method::Post, "/v5.8.0/libpod/images/import?url=/etc/x.tar"),
            (Method::Post, "/v5.8.0/libpod/secrets/create?driver=shell"),
            (Method::Post, "/v5.8.0/libpod/secrets/create?driveropts={\"path\":\"/etc\"}"),
            (Method::Post, "/v5.8.0/libpod/manifests/create?name=x&image=dir:/etc"),
            (Method::Post, "/v5.8.0/libpod/manifests/x?images=a&images=dir:/etc"),
            (Method::Post, "/v3.0.0/libpod/manifests/x/push?destination=dir:/etc"),
            (Method::Post, "/v5.8.0/libpod/artifacts/add?path=/etc/shadow"),
        ] {
            assert!(judge(method, target).is_err(), "{method} {target}");
        }
    }
}
