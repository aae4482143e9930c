//! Host names and addresses as Java prints them: peers compare texts, so the form matters.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// A host as Java prints it: IPv6 addresses in their long form, no name as the name of this machine, anything else as
/// it is.
// apache 3.9.5: java.net.InetSocketAddress getHostString
pub fn text(host: &str) -> Cow<'_, str> {
    if host.is_empty() {
        return Cow::Borrowed("localhost");
    }
    // Only scopes that are numbers are known on every machine.
    let (address, scope) = match host.split_once('%') {
        Some((address, scope)) if scope.parse::<u32>().is_ok() => (address, &host[address.len()..]),
        _ => (host, ""),
    };
    let Ok(address) = address.parse::<Ipv6Addr>() else {
        return Cow::Borrowed(host);
    };
    // Java has no mapped addresses: it makes IPv4 ones of them at once.
    if let Some(address) = address.to_ipv4_mapped() {
        return Cow::Owned(address.to_string());
    }
    let groups = address.segments().map(|group| format!("{group:x}"));
    Cow::Owned(format!("{}{scope}", groups.join(":")))
}

/// The same as it stands before a port: with brackets where there are colons.
// apache 3.9.5: common/NetUtils.java formatInetAddr
pub fn before_port(host: &str) -> Cow<'_, str> {
    let text = text(host);
    match text.contains(':') {
        true => Cow::Owned(format!("[{text}]")),
        false => text,
    }
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
            ("fe80::1%1", "[fe80:0:0:0:0:0:0:1%1]"),
            ("fe80::1%eth0", "[fe80::1%eth0]"),
            ("", "localhost"),
        ] {
            assert_eq!(before_port(host), want);
        }
    }
}
