//! Writing requests: the primitive types of Jute, with nothing checked, so that wrong requests can be written as well.

/// A Jute buffer or ustring, which may be null. Text is bytes here: malformed UTF-8 can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub Option<Vec<u8>>);

/// Stands for a null buffer or ustring (length -1 on the wire).
#[derive(Clone, Copy, Debug)]
pub struct Null;

impl From<Null> for Blob {
    fn from(_: Null) -> Self {
        Self(None)
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(Some(text.as_bytes().to_vec()))
    }
}

impl From<&String> for Blob {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(Some(bytes.to_vec()))
    }
}

impl From<&Vec<u8>> for Blob {
    fn from(bytes: &Vec<u8>) -> Self {
        Self(Some(bytes.clone()))
    }
}

impl<const N: usize> From<&[u8; N]> for Blob {
    fn from(bytes: &[u8; N]) -> Self {
        Self(Some(bytes.to_vec()))
    }
}

/// One entry of an access control list, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Permission bits; any 32 bits can be sent.
    pub perms: i32,
    /// `world`, `ip`, `digest`, …
    pub scheme: Blob,
    /// Who, in the scheme's own syntax.
    pub id: Blob,
}

impl Acl {
    /// An entry from its three parts.
    pub fn new(perms: i32, scheme: impl Into<Blob>, id: impl Into<Blob>) -> Self {
        Self {
            perms,
            scheme: scheme.into(),
            id: id.into(),
        }
    }

    /// `world:anyone` with these permissions.
    pub fn world(perms: i32) -> Self {
        Self::new(perms, "world", "anyone")
    }

    /// The list with the one entry that allows everybody everything.
    #[must_use]
    pub fn open() -> Vec<Self> {
        vec![Self::world(31)]
    }
}

/// A request under construction.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An empty request body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes written so far.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are, without a length.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// One byte.
    #[must_use]
    pub fn byte(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// One byte, 0 or 1.
    #[must_use]
    pub fn boolean(self, value: bool) -> Self {
        self.byte(u8::from(value))
    }

    /// Four bytes, big endian.
    #[must_use]
    pub fn int(self, value: i32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Eight bytes, big endian.
    #[must_use]
    pub fn long(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// A buffer or ustring: length and bytes, or the length -1.
    #[must_use]
    pub fn blob(self, value: impl Into<Blob>) -> Self {
        match value.into().0 {
            None => self.int(-1),
            Some(bytes) => self.int(length(bytes.len())).raw(&bytes),
        }
    }

    /// A vector of ustrings.
    #[must_use]
    pub fn texts(self, values: &[&str]) -> Self {
        let start = self.int(length(values.len()));
        values
            .iter()
            .fold(start, |encoder, text| encoder.blob(*text))
    }

    /// A vector of access control entries.
    #[must_use]
    pub fn acls(self, entries: &[Acl]) -> Self {
        let start = self.int(length(entries.len()));
        entries.iter().fold(start, |encoder, entry| {
            encoder
                .int(entry.perms)
                .blob(entry.scheme.clone())
                .blob(entry.id.clone())
        })
    }
}

/// The bytes with their length in front: one frame.
#[must_use]
pub fn framed(payload: &[u8]) -> Vec<u8> {
    Encoder::new().blob(payload).done()
}

/// Bytes from hexadecimal text; blanks are ignored.
///
/// # Panics
/// When the text is not hexadecimal.
#[must_use]
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("hexadecimal digits"))
        .collect();
    assert!(
        digits.len().is_multiple_of(2),
        "an even number of hexadecimal digits"
    );
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits make a byte"))
        .collect()
}

/// Hexadecimal text of bytes, for messages.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn length(len: usize) -> i32 {
    i32::try_from(len).expect("test requests are smaller than 2 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_differ() {
        assert_eq!(Encoder::new().blob(Null).done(), hex("ffffffff"));
        assert_eq!(Encoder::new().blob("").done(), hex("00000000"));
    }

    #[test]
    fn an_open_acl_list_is_the_one_every_client_sends() {
        let bytes = Encoder::new().acls(&Acl::open()).done();
        assert_eq!(
            bytes,
            hex("00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65")
        );
    }

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(to_hex(&hex("00 ff 7A")), "00ff7a");
    }
}
