//! The places of maps, whose keys are exact, and of structs in a value.

/// Which objects of a value a daemon decodes into maps.
#[derive(Debug)]
pub enum Shape {
    /// Unknown: every object in it may be a struct.
    Any,
    /// An answer of a daemon, which is only printed again: all keys are exact.
    Exact,
    /// A struct, with the fields that hold maps somewhere.
    Struct(&'static [(&'static str, &'static Shape)]),
    /// A map, with the shape of its values.
    Map(&'static Shape),
    /// An array, with the shape of its items.
    List(&'static Shape),
}

impl Shape {
    pub(super) fn is_map(&self) -> bool {
        matches!(self, Self::Map(_) | Self::Exact)
    }

    /// The shape of a member. A field that is spelled otherwise is unknown.
    pub(super) fn member(&self, key: &str) -> &'static Self {
        match self {
            Self::Struct(fields) => {
                fields.iter().find(|(name, _)| *name == key).map_or(&Self::Any, |(_, shape)| shape)
            }
            Self::Map(values) => values,
            Self::Exact => &Self::Exact,
            Self::Any | Self::List(_) => &Self::Any,
        }
    }

    pub(super) fn item(&self) -> &'static Self {
        match self {
            Self::List(items) => items,
            Self::Exact => &Self::Exact,
            Self::Any | Self::Struct(_) | Self::Map(_) => &Self::Any,
        }
    }
}
