//! The first thing a caller says on the election port: who it is, and where it can be called back.

use std::fmt;
use std::net::IpAddr;

use bytes::{Buf, BytesMut};
use jute::{Reader, Writer};
use thiserror::Error;

use crate::types::ServerId;
use crate::types::host;

/// The longest list of addresses accepted, in bytes (`maxBuffer`).
const ADDRESSES_BYTES_MAX: usize = 2048;
/// Version and sender.
const HEAD_BYTES: usize = 16;

/// What a caller without a number of its own announces (`OBSERVER_ID`): whoever is called gives it one below 0.
pub const ANONYMOUS: ServerId = ServerId(i64::MAX);

/// Which form of the message to send; all are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloVersion {
    /// One address. Every release since 3.5 understands it.
    V1,
    /// Any number of addresses, for members with several.
    V2,
}

/// Who calls (`InitialMessage`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The caller.
    pub from: ServerId,
    /// Where its own election port is; empty when it did not say anything of use.
    pub addresses: Vec<ElectionAddress>,
}

/// Where an election port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionAddress {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a caller is hung up on. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HelloError {
    /// A negative number that is no version.
    #[error("Got unrecognized protocol version {0}")]
    Version(i64),
    /// No list of addresses has this length.
    #[error("Unreasonable buffer length: {0}")]
    Length(i32),
    /// Not `host:port`.
    #[error("Badly formed address: {0}")]
    Address(String),
    /// Not a TCP port.
    #[error("Bad port number: {0}")]
    Port(String),
}

impl HelloVersion {
    fn code(self) -> i64 {
        match self {
            HelloVersion::V1 => -65536,
            HelloVersion::V2 => -65535,
        }
    }
}

impl fmt::Display for ElectionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", host::before_port(&self.host), self.port)
    }
}

impl Hello {
    /// Appends the message. [`HelloVersion::V1`] holds the first address only.
    ///
    /// # Panics
    /// Without an address: nobody could read that.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java startConnection
    pub fn append(&self, version: HelloVersion, out: &mut Vec<u8>) {
        assert!(!self.addresses.is_empty(), "a caller has an address");
        let count = match version {
            HelloVersion::V1 => 1,
            HelloVersion::V2 => self.addresses.len(),
        };
        let addresses: Vec<String> = self.addresses[..count]
            .iter()
            .map(ElectionAddress::to_string)
            .collect();
        let mut writer = Writer::new(out);
        writer.long(version.code());
        writer.long(self.from.0);
        writer.buffer(Some(addresses.join("|").as_bytes()));
    }

    /// Takes the message off the front of what a caller has sent; `None` while it is not complete. Apache's servers want
    /// it in one piece; nobody can promise that.
    ///
    /// # Errors
    /// When the call must end.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java InitialMessage.parse
    pub fn split(input: &mut BytesMut) -> Result<Option<Self>, HelloError> {
        let mut reader = Reader::new(input);
        let Ok(version) = reader.long() else {
            return Ok(None);
        };
        if version >= 0 {
            // Before release 3.5 the number was all.
            input.advance(8);
            return Ok(Some(Hello {
                from: ServerId(version),
                addresses: Vec::new(),
            }));
        }
        let known = [HelloVersion::V1, HelloVersion::V2].map(HelloVersion::code);
        if !known.contains(&version) {
            return Err(HelloError::Version(version));
        }
        let (Ok(from), Ok(length)) = (reader.long(), reader.int()) else {
            return Ok(None);
        };
        let usable = |bytes: &usize| (1..=ADDRESSES_BYTES_MAX).contains(bytes);
        let bytes = usize::try_from(length).ok().filter(usable);
        let bytes = bytes.ok_or(HelloError::Length(length))?;
        let Ok(text) = reader.take(bytes) else {
            return Ok(None);
        };
        let addresses = addresses(&String::from_utf8_lossy(text))?;
        input.advance(HEAD_BYTES + 4 + bytes);
        Ok(Some(Hello {
            from: ServerId(from),
            addresses,
        }))
    }
}

/// The addresses of a text, without those that name no host in particular.
fn addresses(text: &str) -> Result<Vec<ElectionAddress>, HelloError> {
    let mut parts: Vec<&str> = text.split('|').collect();
    // Java's `split` drops what is empty at the end.
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    let mut addresses = Vec::with_capacity(parts.len());
    for part in parts {
        let address = address(part)?;
        let ip = address.host.parse::<IpAddr>();
        if !ip.is_ok_and(|ip| ip.is_unspecified()) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

// apache 3.9.5: server/util/ConfigUtils.java getHostAndPort
fn address(text: &str) -> Result<ElectionAddress, HelloError> {
    let split = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':'),
    };
    let (host, port) = split
        .filter(|(_, port)| !port.is_empty() && !port.contains(':'))
        .ok_or_else(|| HelloError::Address(text.to_owned()))?;
    // Java's number may have a sign, and so may Rust's.
    let port = port
        .parse()
        .map_err(|_| HelloError::Port(port.to_owned()))?;
    let host = host.to_owned();
    Ok(ElectionAddress { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hello(from: i64, addresses: &[(&str, u16)]) -> Hello {
        let address = |(host, port): &(&str, u16)| ElectionAddress {
            host: (*host).to_owned(),
            port: *port,
        };
        Hello {
            from: ServerId(from),
            addresses: addresses.iter().map(address).collect(),
        }
    }

    fn bytes(version: u8, from: i64, text: &str) -> Vec<u8> {
        let length = i32::try_from(text.len()).expect("short");
        let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, version];
        bytes.extend(from.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn split(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
        Hello::split(&mut BytesMut::from(bytes))
    }

    #[test]
    fn hellos_are_apaches_byte_for_byte() {
        let hello = hello(3, &[("10.0.0.3", 3888), ("::1", 3889)]);
        let mut out = Vec::new();
        hello.append(HelloVersion::V1, &mut out);
        assert_eq!(out, bytes(0, 3, "10.0.0.3:3888"));
        out.clear();
        hello.append(HelloVersion::V2, &mut out);
        assert_eq!(out, bytes(1, 3, "10.0.0.3:3888|[0:0:0:0:0:0:0:1]:3889"));
    }

    #[test]
    fn both_versions_are_understood() {
        let one = hello(3, &[("10.0.0.3", 3888)]);
        assert_eq!(split(&bytes(0, 3, "10.0.0.3:3888")), Ok(Some(one)));
        let two = hello(-7, &[("a", 1), ("fe80::1", 2)]);
        assert_eq!(split(&bytes(1, -7, "a:1|[fe80::1]:2||")), Ok(Some(two)));
    }

    #[test]
    fn pieces_are_waited_for_and_what_follows_is_left() {
        let mut whole = bytes(0, 3, "h:3888");
        for end in 0..whole.len() {
            assert_eq!(split(&whole[..end]), Ok(None), "{end}");
        }
        whole.extend(b"next");
        let mut input = BytesMut::from(&whole[..]);
        assert_eq!(Hello::split(&mut input), Ok(Some(hello(3, &[("h", 3888)]))));
        assert_eq!(&input[..], b"next");
    }

    #[test]
    fn the_oldest_form_is_a_bare_number() {
        let mut input = BytesMut::from(&[0, 0, 0, 0, 0, 0, 0, 5, 9][..]);
        assert_eq!(Hello::split(&mut input), Ok(Some(hello(5, &[]))));
        assert_eq!(&input[..], [9]);
        let anonymous = split(&ANONYMOUS.0.to_be_bytes());
        assert_eq!(anonymous, Ok(Some(hello(i64::MAX, &[]))));
    }

    #[test]
    fn wildcards_are_no_addresses() {
        let got = split(&bytes(1, 3, "0.0.0.0:1|h:2|[::]:3|[0:0:0:0:0:0:0:0]:4"));
        assert_eq!(got, Ok(Some(hello(3, &[("h", 2)]))));
        assert_eq!(split(&bytes(0, 3, "0.0.0.0:3888")), Ok(Some(hello(3, &[]))));
    }

    #[test]
    fn nonsense_is_refused() {
        let address = |text: &str| HelloError::Address(text.to_owned());
        for text in ["h", "h:", "h:1:2", "[::1]", "[::1:1", "[::1]:", "::1"] {
            assert_eq!(split(&bytes(0, 3, text)), Err(address(text)), "{text}");
        }
        assert_eq!(split(&bytes(1, 3, "|h:1")), Err(address("")));
        for port in ["x", "65536", "-1"] {
            let got = split(&bytes(0, 3, &format!("h:{port}")));
            assert_eq!(got, Err(HelloError::Port(port.to_owned())));
        }
        assert_eq!(split(&bytes(2, 3, "h:1")), Err(HelloError::Version(-65534)));
        assert_eq!(
            split(&[0x80; 8]),
            Err(HelloError::Version(i64::from_be_bytes([0x80; 8])))
        );
    }

    #[test]
    fn lengths_are_refused_before_the_bytes_come() {
        for length in [0, -1, 2049, i32::MAX, i32::MIN] {
            let mut bytes = bytes(0, 3, "");
            bytes[16..].copy_from_slice(&length.to_be_bytes());
            assert_eq!(split(&bytes), Err(HelloError::Length(length)));
        }
        let mut bytes = bytes(0, 3, "");
        bytes[16..].copy_from_slice(&2048i32.to_be_bytes());
        assert_eq!(split(&bytes), Ok(None));
    }

    proptest! {
        #[test]
        fn hellos_come_back(from: i64, addresses in prop::collection::vec(("[a-z]{1,8}", any::<u16>()), 1..5)) {
            let address = |(host, port): &(String, u16)| ElectionAddress { host: host.clone(), port: *port };
            let hello = Hello {
                from: ServerId(from),
                addresses: addresses.iter().map(address).collect(),
            };
            let mut out = Vec::new();
            hello.append(HelloVersion::V2, &mut out);
            prop_assert_eq!(split(&out), Ok(Some(hello)));
        }

        #[test]
        fn no_bytes_make_it_panic(version in 0..3u8, text in r"[ah0-9:|\[\].\u{e9}]{0,40}", rest: Vec<u8>) {
            let _ = split(&bytes(version, 1, &text));
            let _ = split(&rest);
        }
    }
}
