//! An epoch as `acceptedEpoch` and `currentEpoch` hold it: a decimal number as text. Which epoch is right
//! is not decided here.

/// The bytes of an epoch's file. No line end follows, as in Apache's.
pub fn encode(epoch: i64) -> Vec<u8> {
    epoch.to_string().into_bytes()
}

/// The epoch in a file's bytes: its first line, which must be a decimal number and nothing else.
///
/// # Errors
/// That line, when it is no such number; what is not text is shown with replacement characters.
// apache 3.9.5: server/quorum/QuorumPeer.java readLongFromFile
pub fn decode(bytes: &[u8]) -> Result<i64, String> {
    let line = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let line = line.unwrap_or_default();
    std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.parse().ok())
        .ok_or_else(|| String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_java_reads() {
        for (bytes, epoch) in [
            (&b"0"[..], 0),
            (b"7", 7),
            (b"+7", 7),
            (b"-1", -1),
            (b"007", 7),
            (b"12\n", 12),
            (b"12\r\nrest", 12),
            (b"9223372036854775807", i64::MAX),
        ] {
            assert_eq!(decode(bytes), Ok(epoch), "{bytes:?}");
        }
    }

    #[test]
    fn what_java_refuses() {
        for bytes in [
            &b""[..],
            b"\n5",
            b" 5",
            b"5 ",
            b"five",
            b"0x5",
            b"5.0",
            b"9223372036854775808",
            b"\0\0",
            b"\xff",
        ] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(decode(b"five\n"), Err("five".to_owned()));
    }

    proptest! {
        #[test]
        fn epochs_round_trip(epoch: i64) {
            prop_assert_eq!(decode(&encode(epoch)), Ok(epoch));
        }
    }
}
