//! Host names and addresses as Java prints them: peers compare texts, so the form matters.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// A host as it stands before a port: an IPv6 address in brackets and in Java's long form, anything else as it is.
// apache 3.9.5: common/NetUtils.java formatInetAddr
pub fn before_port(host: &str) -> Cow<'_, str> {
    let Ok(address) = host.parse::<Ipv6Addr>() else {
        return match host.contains(':') {
            true => Cow::Owned(format!("[{host}]")),
            false => Cow::Borrowed(host),
        };
    };
    // Java has no mapped addresses: it makes IPv4 ones of them at once.
    if let Some(address) = address.to_ipv4_mapped() {
        return Cow::Owned(address.to_string());
    }
    let groups = address.segments().map(|group| format!("{group:x}"));
    Cow::Owned(format!("[{}]", groups.join(":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv6_is_rewritten() {
        for (host, want) in [
            ("zoo1.example.com", "zoo1.example.com"),
            ("Zoo1", "Zoo1"),
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "[0:0:0:0:0:0:0:1]"),
            ("::", "[0:0:0:0:0:0:0:0]"),
            ("2001:DB8::00ff", "[2001:db8:0:0:0:0:0:ff]"),
            ("0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("fe80::1%eth0", "[fe80::1%eth0]"),
        ] {
            assert_eq!(before_port(host), want);
        }
    }
}
