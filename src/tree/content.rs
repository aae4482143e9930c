//! A node's name and data in one run of bytes: a header (varint: length of the name, lowest bit set
//! when there is data), the name, the data.

const HAS_DATA: u8 = 1;
const VARINT_MORE: u8 = 0x80;
const VARINT_BITS: u32 = 7;

/// Length of the content with this name and data.
pub(crate) fn content_len(name: &str, data: Option<&[u8]>) -> usize {
    varint_len(name.len() << 1) + name.len() + data.map_or(0, <[u8]>::len)
}

/// Writes name and data to a run of exactly their [`content_len`].
pub(crate) fn write_content(name: &str, data: Option<&[u8]>, to: &mut [u8]) {
    let header = name.len() << 1 | usize::from(data.is_some());
    let name_at = put_varint(header, to);
    let (name_to, data_to) = to[name_at..].split_at_mut(name.len());
    name_to.copy_from_slice(name.as_bytes());
    data_to.copy_from_slice(data.unwrap_or_default());
}

/// A written run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a>(pub(crate) &'a [u8]);

impl<'a> Content<'a> {
    #[inline]
    pub(crate) fn name(self) -> &'a [u8] {
        let (header, start) = varint(self.0);
        &self.0[start..start + (header >> 1)]
    }

    #[inline]
    pub(crate) fn data(self) -> Option<&'a [u8]> {
        let has_data = self.0[0] & HAS_DATA != 0;
        has_data.then(|| &self.0[self.data_at()..])
    }

    /// Where data begins: what is before stays when data is replaced, but for the flag.
    pub(crate) fn data_at(self) -> usize {
        let (header, start) = varint(self.0);
        start + (header >> 1)
    }
}

/// Replaces the data of a run that was already cut or extended to the new length.
pub(crate) fn write_data(data: Option<&[u8]>, to: &mut [u8], data_at: usize) {
    to[data_at..].copy_from_slice(data.unwrap_or_default());
    to[0] = to[0] & !HAS_DATA | u8::from(data.is_some());
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    bits.div_ceil(VARINT_BITS).max(1) as usize
}

/// Returns the length.
fn put_varint(mut value: usize, to: &mut [u8]) -> usize {
    let len = varint_len(value);
    for byte in &mut to[..len] {
        *byte = value.to_le_bytes()[0] | VARINT_MORE;
        value >>= VARINT_BITS;
    }
    to[len - 1] &= !VARINT_MORE;
    len
}

/// Value and length of the varint at the start of `bytes`.
#[inline]
fn varint(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & !VARINT_MORE) << (VARINT_BITS as usize * at);
        if byte & VARINT_MORE == 0 {
            return (value, at + 1);
        }
    }
    unreachable!("every run starts with a whole header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, data: Option<&[u8]>) -> Vec<u8> {
        let mut run = vec![0xee; content_len(name, data)];
        write_content(name, data, &mut run);
        run
    }

    #[test]
    fn names_and_data_come_back() {
        let long = "x".repeat(70_000);
        for name in ["", "a", "näme", &"y".repeat(63), &"y".repeat(64), &long] {
            for data in [None, Some(&b""[..]), Some(&b"data"[..])] {
                let run = written(name, data);
                let content = Content(&run);
                assert_eq!((content.name(), content.data()), (name.as_bytes(), data));
            }
        }
    }

    #[test]
    fn a_short_name_costs_one_byte_more_than_its_letters() {
        assert_eq!(written("0123456789", Some(&[0; 100])).len(), 111);
    }
}
