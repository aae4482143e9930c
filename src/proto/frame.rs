//! Length-prefixed frames over a byte buffer. Never sees a socket.

/// A length prefix that no frame can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame length {length} is negative or above jute.maxbuffer={limit}")]
pub struct BadLength {
    /// The length read.
    pub length: i32,
    /// The limit in force, in bytes.
    pub limit: usize,
}

/// Bytes of a length prefix.
pub const PREFIX_BYTES: usize = 4;

/// The first four bytes, if there are as many.
pub fn prefix(input: &[u8]) -> Option<[u8; 4]> {
    input.first_chunk().copied()
}

/// What the length prefix says, if it is there and not negative.
pub fn length(input: &[u8]) -> Option<usize> {
    usize::try_from(i32::from_be_bytes(prefix(input)?)).ok()
}

/// A frame's payload and the input after it.
pub type Frame<'a> = (&'a [u8], &'a [u8]);

/// Splits the first frame off: its payload, and what follows. `None` while it is not complete.
///
/// # Errors
/// When the length is negative or above `frame_bytes_max`.
pub fn split(input: &[u8], frame_bytes_max: usize) -> Result<Option<Frame<'_>>, BadLength> {
    let Some((prefix, rest)) = input.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*prefix);
    let bad = BadLength {
        length,
        limit: frame_bytes_max,
    };
    let wanted = usize::try_from(length).map_err(|_| bad)?;
    if wanted > frame_bytes_max {
        return Err(bad);
    }
    Ok(rest.split_at_checked(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_split_when_complete() {
        assert_eq!(split(&[0, 0, 0], 10), Ok(None));
        assert_eq!(split(&[0, 0, 0, 2, 1], 10), Ok(None));
        assert_eq!(
            split(&[0, 0, 0, 2, 1, 2, 9], 10),
            Ok(Some((&[1, 2][..], &[9][..])))
        );
        assert_eq!(split(&[0, 0, 0, 0], 10), Ok(Some((&[][..], &[][..]))));
    }

    #[test]
    fn bad_lengths_are_refused_before_the_bytes_come() {
        assert!(split(&[0, 0, 0, 11], 10).is_err());
        assert!(split(&[0, 0, 0, 10], 10).is_ok());
        assert!(split(&[0xff, 0xff, 0xff, 0xff], 10).is_err());
        assert!(split(b"ruok", 0xf_ffff).is_err());
    }
}
