//! What a record is, which types can be its fields, and the macro that declares one.

use std::borrow::Cow;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::reader::Reader;
use crate::text;
use crate::writer::Writer;

/// A string field: `None` is the wire's null. Borrowed from the input unless it had to be repaired.
pub type Text<'a> = Option<Cow<'a, str>>;

/// A type that can stand in a record.
pub trait Field<'a>: Sized {
    /// Reads the field.
    ///
    /// # Errors
    /// When the bytes are not an encoding of it.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
    /// Appends the field.
    fn write(&self, writer: &mut Writer<'_>);
    /// Encoded size in bytes.
    fn size(&self) -> usize;
}

/// A sequence of fields declared with [`record!`](crate::record!).
pub trait Record<'a>: Field<'a> {
    /// The record's name in Apache's `zookeeper.jute`.
    const NAME: &'static str;
}

macro_rules! number {
    ($type:ty, $method:ident, $size:literal) => {
        impl<'a> Field<'a> for $type {
            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.$method()
            }
            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                writer.$method(*self);
            }
            #[inline]
            fn size(&self) -> usize {
                $size
            }
        }
    };
}

number!(bool, bool, 1);
number!(i8, byte, 1);
number!(i32, int, 4);
number!(i64, long, 8);

impl<'a> Field<'a> for Option<&'a [u8]> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.buffer()
    }
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.buffer(*self);
    }
    #[inline]
    fn size(&self) -> usize {
        4 + self.map_or(0, <[u8]>::len)
    }
}

impl<'a> Field<'a> for Text<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.string()
    }
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.as_deref());
    }
    #[inline]
    fn size(&self) -> usize {
        4 + self.as_deref().map_or(0, text::encoded_len)
    }
}

/// A string that the record cannot do without: null is refused.
impl<'a> Field<'a> for Cow<'a, str> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let null = reader.error(DecodeErrorKind::Null);
        reader.string()?.ok_or(null)
    }
    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(Some(self));
    }
    #[inline]
    fn size(&self) -> usize {
        4 + text::encoded_len(self)
    }
}

/// A vector; `None` is the wire's null.
impl<'a, F: Field<'a>> Field<'a> for Option<Vec<F>> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let Some(count) = reader.count()? else {
            return Ok(None);
        };
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(F::read(reader)?);
        }
        Ok(Some(elements))
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.count(self.as_ref().map(Vec::len));
        for element in self.iter().flatten() {
            element.write(writer);
        }
    }
    fn size(&self) -> usize {
        4 + self.iter().flatten().map(Field::size).sum::<usize>()
    }
}

/// Declares a record: a plain struct whose fields are encoded in the order written.
///
/// ```
/// jute::record! {
///     /// A node's identity.
///     pub struct Id<'a> {
///         /// The scheme.
///         pub scheme: jute::Text<'a>,
///         /// What the scheme makes of it.
///         pub id: jute::Text<'a>,
///     }
/// }
/// let id = Id { scheme: Some("world".into()), id: None };
/// assert_eq!(jute::to_vec(&id), b"\0\0\0\x05world\xff\xff\xff\xff");
/// ```
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct $name $(<$life>)? { $($(#[$field_meta])* $field_vis $field: $type),* }

        $crate::record!(@impl $name [$($life)?] { $($field : $type),* });
    };
    (@impl $name:ident [] { $($field:ident : $type:ty),* }) => {
        $crate::record!(@body ['a] $name { $($field : $type),* });
    };
    (@impl $name:ident [$life:lifetime] { $($field:ident : $type:ty),* }) => {
        $crate::record!(@body [$life] $name<$life> { $($field : $type),* });
    };
    (@body [$life:lifetime] $name:ident $(<$arg:lifetime>)? { $($field:ident : $type:ty),* }) => {
        impl<$life> $crate::Field<$life> for $name $(<$arg>)? {
            #[inline]
            fn read(reader: &mut $crate::Reader<$life>) -> Result<Self, $crate::DecodeError> {
                $(let $field = <$type as $crate::Field<$life>>::read(reader)?;)*
                Ok(Self { $($field),* })
            }
            #[inline]
            fn write(&self, writer: &mut $crate::Writer<'_>) {
                $(<$type as $crate::Field<$life>>::write(&self.$field, writer);)*
            }
            #[inline]
            fn size(&self) -> usize {
                0 $(+ <$type as $crate::Field<$life>>::size(&self.$field))*
            }
        }
        impl<$life> $crate::Record<$life> for $name $(<$arg>)? {
            const NAME: &'static str = stringify!($name);
        }
    };
}
