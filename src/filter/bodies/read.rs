//! Bodies as typed values, for the rules on mounts, labels and images. Readers know
//! the fields that these rules ask for, at which levels and in which form a daemon
//! reads them; they know no rules.
//!
//! A field is read when a rule asks for it, and only then can it be refused: for
//! its spelling, if a decoder of Go would take another key for it, or for its
//! type. A field that no rule judges passes in any form. `null` is absence.
//!
//! All fields, with the values that safe create lets pass, are in the tables of `safe`.

mod engine;
mod libpod;

pub(super) use engine::{
    Checkpoint, Container, ContainerSpec, HostConfig, Mount, Network, Secret, Service, Swarm,
    Volume, VolumeOptions,
};
pub(super) use libpod::{
    CpuLimits, ImageVolume, Manifest, MemoryLimits, NamedVolume, OciMount, OverlayVolume,
    PodmanNetwork, Resources, Spec, Update,
};

#[cfg(test)]
pub(super) use tests::read_text;

use super::fields::{Fields, Node};
use super::refusal::Refusal;

/// A requested value, or the reason why it cannot be read.
pub(super) type Read<T> = Result<T, Refusal>;

/// A string and where it is.
#[derive(Debug, Clone)]
pub(super) struct Text<'t> {
    pub(super) place: String,
    pub(super) value: &'t str,
}

/// A map of strings that are none of a struct's names.
#[derive(Debug, Clone)]
pub(super) struct Map<'t> {
    pub(super) place: String,
    fields: Fields<'t>,
}

/// A driver of logs or volumes with its options, read from fields of several names.
#[derive(Debug, Clone)]
pub(super) struct Driver<'t> {
    pub(super) name: Text<'t>,
    pub(super) options: Option<Map<'t>>,
}

impl<'t> Map<'t> {
    /// All members, `null` or not.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, Node<'t>)> {
        self.fields.entries()
    }

    /// The members that are not `null`, which must be strings.
    pub(super) fn texts(&self) -> Read<Vec<(&'t str, Text<'t>)>> {
        let entries = self.entries().filter(|(_, value)| !value.is_null());
        entries.map(|(key, value)| Ok((key, Text::read(value)?))).collect()
    }

    /// The text of a member; empty if it is absent.
    pub(super) fn text(&self, key: &str) -> Read<&'t str> {
        self.fields.text(key)
    }
}

/// The typed form of a value that is not `null`.
pub(super) trait Value<'t>: Sized {
    fn read(node: Node<'t>) -> Read<Self>;
}

/// The typed form of a field.
pub(super) trait Field<'t>: Sized {
    fn read(fields: &Fields<'t>, name: &'static str) -> Read<Self>;
}

impl<'t> Value<'t> for Node<'t> {
    fn read(node: Node<'t>) -> Read<Self> {
        Ok(node)
    }
}

impl<'t> Value<'t> for Text<'t> {
    fn read(node: Node<'t>) -> Read<Self> {
        Ok(Self { value: node.text()?, place: node.place().to_owned() })
    }
}

impl<'t> Value<'t> for Map<'t> {
    fn read(node: Node<'t>) -> Read<Self> {
        Ok(Self { fields: node.map()?, place: node.place().to_owned() })
    }
}

/// The text of a field; empty if it is absent, as to Go.
impl<'t> Field<'t> for &'t str {
    fn read(fields: &Fields<'t>, name: &'static str) -> Read<Self> {
        fields.text(name)
    }
}

impl<'t> Field<'t> for bool {
    fn read(fields: &Fields<'t>, name: &'static str) -> Read<Self> {
        fields.get(name).map_or(Ok(false), |node| node.truth())
    }
}

impl<'t, T: Value<'t>> Field<'t> for Option<T> {
    fn read(fields: &Fields<'t>, name: &'static str) -> Read<Self> {
        fields.get(name).map(T::read).transpose()
    }
}

impl<'t, T: Value<'t>> Field<'t> for Vec<T> {
    fn read(fields: &Fields<'t>, name: &'static str) -> Read<Self> {
        fields.items(name)?.into_iter().map(T::read).collect()
    }
}

/// Defines the reader of an object: a method for each field, with its type and
/// the name on the wire.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident<$life:lifetime> {
        $($field:ident: $type:ty = $key:literal,)+
    })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(in crate::filter::bodies) struct $name<$life>(
            pub(in crate::filter::bodies) $crate::filter::bodies::fields::Fields<$life>,
        );

        impl<$life> $crate::filter::bodies::read::Value<$life> for $name<$life> {
            fn read(
                node: $crate::filter::bodies::fields::Node<$life>,
            ) -> $crate::filter::bodies::read::Read<Self> {
                node.map().map(Self)
            }
        }

        impl<$life> $name<$life> {
            /// The names that are known.
            pub(in crate::filter::bodies) const FIELDS: &'static [&'static str] = &[$($key),+];

            $(
                #[doc = concat!("The field `", $key, "`.")]
                pub(in crate::filter::bodies) fn $field(
                    &self,
                ) -> $crate::filter::bodies::read::Read<$type> {
                    self.0.check_spelling($key, Self::FIELDS)?;
                    $crate::filter::bodies::read::Field::read(&self.0, $key)
                }
            )+
        }
    )+};
}
use readers;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Tree, reads_alike};

    /// Reads a text, for as long as the tests run.
    pub(in crate::filter::bodies) fn read_text<T: Value<'static>>(body: &str) -> Read<T> {
        let body: &'static str = body.to_owned().leak();
        let tree = Tree::parse(body.as_bytes()).unwrap();
        T::read(Node::root(Box::leak(Box::new(tree))))
    }

    readers! {
        /// An object with a field of each type.
        Sample<'t> {
            image: &'t str = "Image",
            user: &'t str = "User",
            environment: Vec<Text<'t>> = "Env",
            tty: bool = "Tty",
            labels: Option<Map<'t>> = "Labels",
        }
    }

    fn sample(body: &str) -> Sample<'static> {
        read_text(body).unwrap()
    }

    #[test]
    fn fields_are_read_in_their_types() {
        let body = r#"{"Image":"a","Env":["A=b"],"Tty":true,"Labels":{"a":"b","c":null}}"#;
        let sample = sample(body);
        assert_eq!(sample.image(), Ok("a"));
        assert_eq!(sample.tty(), Ok(true));
        assert_eq!(sample.user(), Ok(""));
        let environment = sample.environment().unwrap();
        assert_eq!(environment[0].value, "A=b");
        assert_eq!(environment[0].place, "Env[0]");
        let labels = sample.labels().unwrap().unwrap();
        assert_eq!(labels.entries().count(), 2);
        assert_eq!(labels.texts().unwrap().len(), 1);
        assert_eq!(labels.text("a"), Ok("b"));
    }

    #[test]
    fn a_field_is_refused_only_by_the_rule_that_asks_for_it() {
        let sample = sample(r#"{"image":"x","tTy":true,"Labels":[]}"#);
        assert_eq!(sample.user(), Ok(""));
        assert_eq!(
            sample.image().unwrap_err().to_string(),
            "image would be read as Image; write Image"
        );
        assert!(sample.tty().is_err());
        assert_eq!(sample.labels().unwrap_err().to_string(), "Labels is not an object");
    }

    #[test]
    fn a_host_config_is_read_at_both_levels() {
        let body = r#"{"Binds":["/c:/d"],"HostConfig":{"Binds":["/a:/b"]}}"#;
        let container = |body| read_text::<Container<'_>>(body).unwrap();
        let [top, below] = container(body).host_configs().unwrap().try_into().unwrap();
        assert_eq!(top.binds().unwrap()[0].place, "Binds[0]");
        assert_eq!(below.binds().unwrap()[0].place, "HostConfig.Binds[0]");
        assert_eq!(container("{}").host_configs().unwrap().len(), 1);
    }

    /// A name that reads like another of the same struct would hide its misspelling.
    #[test]
    fn no_two_names_of_a_reader_read_alike() {
        let versions = [("health_log_destination", "healthLogDestination"), ("SubPath", "subPath")];
        for fields in [
            &[Container::FIELDS, HostConfig::FIELDS].concat()[..],
            Mount::FIELDS,
            VolumeOptions::FIELDS,
            Service::FIELDS,
            ContainerSpec::FIELDS,
            Volume::FIELDS,
            Network::FIELDS,
            Secret::FIELDS,
            Swarm::FIELDS,
            Checkpoint::FIELDS,
            Spec::FIELDS,
            OciMount::FIELDS,
            NamedVolume::FIELDS,
            OverlayVolume::FIELDS,
            ImageVolume::FIELDS,
            Update::FIELDS,
            Manifest::FIELDS,
            PodmanNetwork::FIELDS,
            Resources::FIELDS,
        ] {
            for (index, one) in fields.iter().enumerate() {
                for other in &fields[index + 1..] {
                    let of_versions = versions.contains(&(*one, *other));
                    assert!(!reads_alike(one, other) || of_versions, "{one} {other}");
                }
            }
        }
    }
}
