//! The address scheme: identities are addresses, ACL entries are addresses or networks. An address is a
//! value here; nobody is connected to and no name is looked up.

use std::fmt::Write;

use crate::types::Id;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// The four bytes, as written.
    V4([u8; 4]),
    /// The sixteen bytes, and the interface of an address that is only valid on one (0 is none).
    V6([u8; 16], Option<u32>),
}

/// The identity that every connection has from the start: the address as Java's `getHostAddress` writes
/// it. IPv6 is eight groups without compression or leading zeros; a mapped IPv4 address is IPv4.
pub fn ip_identity(peer: PeerAddress) -> Id {
    let text = match peer {
        PeerAddress::V4(bytes) => dotted(bytes),
        PeerAddress::V6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d], _) => {
            dotted([a, b, c, d])
        }
        PeerAddress::V6(bytes, scope) => grouped(bytes, scope),
    };
    Id::new("ip", text)
}

fn dotted([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}

fn grouped(bytes: [u8; 16], scope: Option<u32>) -> String {
    let group = |pair: &[u8]| format!("{:x}", u16::from_be_bytes([pair[0], pair[1]]));
    let mut text = bytes
        .chunks_exact(2)
        .map(group)
        .collect::<Vec<_>>()
        .join(":");
    if let Some(scope) = scope.filter(|scope| *scope != 0) {
        write!(text, "%{scope}").expect("a string takes every text");
    }
    text
}

/// Whether an entry may name this: an address, or `address/bits`.
// apache 3.9.5: server/auth/IPAuthenticationProvider.java isValid
pub(crate) fn is_valid(holder: &str) -> bool {
    Network::parse(holder).is_some()
}

/// Whether the address `who` is in the network `holder`. An address with a scope is in none.
// apache 3.9.5: server/auth/IPAuthenticationProvider.java matches
pub(crate) fn matches(who: &str, holder: &str) -> bool {
    match (Network::parse(holder), Address::parse(who)) {
        (Some(network), Some(address)) => network.contains(address),
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    V4(u32),
    V6(u128),
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            parse_v6(text).map(Address::V6)
        } else {
            parse_v4(text).map(Address::V4)
        }
    }

    fn bits(self) -> u32 {
        match self {
            Address::V4(_) => u32::BITS,
            Address::V6(_) => u128::BITS,
        }
    }
}

struct Network {
    address: Address,
    /// 0..=32 or 0..=128.
    prefix_bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix_bits) = match text.split_once('/') {
            Some((address, bits)) => (Address::parse(address)?, Some(java_int(bits, 10)?)),
            None => (Address::parse(text)?, None),
        };
        let prefix_bits = match prefix_bits {
            Some(bits) => u32::try_from(bits).ok()?,
            None => address.bits(),
        };
        (prefix_bits <= address.bits()).then_some(Network {
            address,
            prefix_bits,
        })
    }

    fn contains(&self, other: Address) -> bool {
        match (self.address, other) {
            (Address::V4(ours), Address::V4(theirs)) => {
                (ours ^ theirs).leading_zeros() >= self.prefix_bits
            }
            (Address::V6(ours), Address::V6(theirs)) => {
                (ours ^ theirs).leading_zeros() >= self.prefix_bits
            }
            (Address::V4(_), Address::V6(_)) | (Address::V6(_), Address::V4(_)) => false,
        }
    }
}

/// Four decimal numbers; a leading zero does not make them octal.
// apache 3.9.5: server/auth/IPAuthenticationProvider.java v4addr2Bytes
fn parse_v4(text: &str) -> Option<u32> {
    let mut parts = text.split('.');
    let mut address = 0;
    for _ in 0..4 {
        let byte = u8::try_from(java_int(parts.next()?, 10)?).ok()?;
        address = address << 8 | u32::from(byte);
    }
    parts.next().is_none().then_some(address)
}

const V6_GROUPS: u32 = 8;

/// Eight groups, or fewer with one `::`, which stands for at least one.
// apache 3.9.5: server/auth/IPAuthenticationProvider.java parseV6addr
fn parse_v6(text: &str) -> Option<u128> {
    let Some((front, back)) = text.split_once("::") else {
        let (address, groups) = parse_groups(text)?;
        return (groups == V6_GROUPS).then_some(address);
    };
    let (front, front_groups) = parse_groups(front)?;
    let (back, back_groups) = parse_groups(back)?;
    let below_front = V6_GROUPS.checked_sub(front_groups)?;
    // Nothing in front leaves nothing to shift.
    let front = front.checked_shl(16 * below_front).unwrap_or(0);
    (back_groups < below_front).then_some(front | back)
}

/// The groups between single colons as one number, and how many they are; no text is no groups.
fn parse_groups(text: &str) -> Option<(u128, u32)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    let (mut address, mut groups) = (0_u128, 0);
    for group in text.split(':') {
        if group.len() > 4 || groups == V6_GROUPS {
            return None;
        }
        let [_, _, high, low] = java_int(group, 16)?.to_be_bytes();
        address = address << 16 | u128::from(u16::from_be_bytes([high, low]));
        groups += 1;
    }
    Some((address, groups))
}

/// A number as Java's `Integer.parseInt` takes it: a sign is welcome, so `+10.0.0.1` is an address and
/// the group `-1` is `ffff`.
fn java_int(text: &str, radix: u32) -> Option<i32> {
    i32::from_str_radix(text, radix).ok()
}

#[cfg(test)]
mod tests;
