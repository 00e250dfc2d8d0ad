//! Bodies of the Engine's API that create no container and still may name a
//! place of the host: networks, secrets, checkpoints.

use super::directories::BindMounts;
use super::host_paths::check_driver;
use super::read::{Checkpoint, Network, Secret};
use super::refusal::{Closed, Refusal, Unfit};

/// Checks a body of networks create: drivers are found by their names.
pub(super) fn check_network(network: &Network<'_>) -> Result<(), Refusal> {
    check_driver("Driver", network.driver()?)?;
    match network.addresses()? {
        Some(addresses) => check_driver("IPAM.Driver", addresses.driver()?),
        None => Ok(()),
    }
}

/// Checks a body of secrets create. With Podman the driver `shell` runs a command,
/// `pass` reads a directory, and `file` writes to a path of the client's choice.
pub(super) fn check_secret(secret: &Secret<'_>) -> Result<(), Refusal> {
    let Some(driver) = secret.driver()? else { return Ok(()) };
    let driver = driver.driver()?;
    check_secret_driver(&driver.name.place, driver.name.value)?;
    match driver.options {
        Some(options) if options.entries().next().is_some() => {
            Err(Refusal::closed(options.place, Closed::Unread))
        }
        _ => Ok(()),
    }
}

/// Checks the name of a driver of secrets.
pub(super) fn check_secret_driver(place: &str, driver: &str) -> Result<(), Refusal> {
    match matches!(driver, "" | "file") {
        true => Ok(()),
        false => Err(Refusal::value(place, Unfit::SecretDriver, driver)),
    }
}

/// Checks a body of checkpoint create.
pub(super) fn check_checkpoint(
    allowed: &BindMounts,
    checkpoint: &Checkpoint<'_>,
) -> Result<(), Refusal> {
    check_checkpoint_name("CheckpointID", checkpoint.name()?)?;
    match checkpoint.directory()? {
        "" => Ok(()),
        directory => allowed.check_raw_path("CheckpointDir", directory),
    }
}

/// Checks the name of a checkpoint, which is a directory's as well.
pub(super) fn check_checkpoint_name(place: &str, name: &str) -> Result<(), Refusal> {
    match name.contains('/') || name == ".." {
        true => Err(Refusal::value(place, Unfit::Checkpoint, name)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{Value, read_text};
    use super::*;

    fn judge<T: Value<'static>>(
        check: impl Fn(&T) -> Result<(), Refusal>,
        body: &str,
    ) -> Result<(), Refusal> {
        read_text(body).and_then(|read| check(&read))
    }

    #[test]
    fn drivers_of_networks_are_names() {
        let body = r#"{"Name":"n","Driver":"bridge","IPAM":{"Driver":"default","Config":[]}}"#;
        assert_eq!(judge(check_network, body), Ok(()));
        assert_eq!(judge(check_network, r#"{"Driver":"","IPAM":null}"#), Ok(()));
        for body in [
            r#"{"Driver":"../../../home/x"}"#,
            r#"{"IPAM":{"Driver":"/home/x"}}"#,
            r#"{"driver":"bridge"}"#,
        ] {
            assert!(judge(check_network, body).is_err(), "{body}");
        }
    }

    #[test]
    fn secrets_have_no_driver_but_file() {
        for body in [r#"{"Name":"s","Data":"eA=="}"#, r#"{"Driver":{"Name":"file","Options":{}}}"#]
        {
            assert_eq!(judge(check_secret, body), Ok(()), "{body}");
        }
        for body in [
            r#"{"Driver":{"Name":"shell"}}"#,
            r#"{"Driver":{"Name":"pass"}}"#,
            r#"{"Driver":{"Name":"file","Options":{"path":"/etc"}}}"#,
            r#"{"Driver":{"name":"shell"}}"#,
            r#"{"driver":{"Name":"shell"}}"#,
        ] {
            assert!(judge(check_secret, body).is_err(), "{body}");
        }
    }

    #[test]
    fn checkpoints_stay_within_the_list() {
        let allowed = BindMounts::parse("/home").unwrap();
        let check = |body: &Checkpoint<'_>| check_checkpoint(&allowed, body);
        for body in [r#"{"CheckpointID":"c"}"#, r#"{"CheckpointID":"c","CheckpointDir":"/home/x"}"#]
        {
            assert_eq!(judge(check, body), Ok(()), "{body}");
        }
        for body in [
            r#"{"CheckpointID":"c","CheckpointDir":"/etc"}"#,
            r#"{"CheckpointID":"c","CheckpointDir":"etc"}"#,
            r#"{"CheckpointID":"c","CheckpointDir":"/home/../etc"}"#,
            r#"{"CheckpointID":"../../etc"}"#,
            r#"{"CheckpointID":"c","checkpointdir":"/home"}"#,
        ] {
            assert!(judge(check, body).is_err(), "{body}");
        }
    }
}
