//! Syntax and matches as Apache's own class decides them, and masks against one bit at a time.

use proptest::prelude::*;

use super::*;

#[test]
fn valid_entries() {
    for holder in [
        "10.0.0.1",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "010.0.0.1",
        "+10.0.0.1",
        "-0.0.0.0",
        "10.0.0.0/+8",
        "::1",
        "::",
        "1::",
        "fe80::/10",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "::/128",
        "::/0",
        "::/-0",
        "-1::",
        "+1::",
        "-fff::",
    ] {
        assert!(is_valid(holder), "{holder}");
    }
}

#[test]
fn invalid_entries() {
    for holder in [
        "",
        "localhost",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.-1",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0.0/8/8",
        "10.0.0.0/ 8",
        "1.2.3.4.5",
        "1..2.3",
        "/8",
        ":",
        ":::",
        "1:::2",
        "::::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "1::2::3",
        "::/129",
        "::ffff:1.2.3.4",
        "12345::",
        "g::",
        "0x1::",
        "fe80::1%2",
    ] {
        assert!(!is_valid(holder), "{holder}");
    }
}

#[test]
fn addresses_match_networks_of_their_family() {
    for (who, holder, expected) in [
        ("10.1.2.3", "10.0.0.0/8", true),
        ("11.1.2.3", "10.0.0.0/8", false),
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3/32", true),
        ("10.1.2.3", "10.1.2.2/31", true),
        ("10.1.2.3", "10.1.2.1/31", false),
        ("10.1.2.3", "10.1.2.3/33", false),
        ("10.1.2.3", "99.1.2.3/0", true),
        ("10.1.2.3", "::/0", false),
        ("0:0:0:0:0:0:0:1", "::/0", true),
        ("0:0:0:0:0:0:0:1", "0.0.0.0/0", false),
        ("0:0:0:0:0:0:0:1", "::1", true),
        ("0:0:0:0:0:0:0:2", "::1", false),
        ("fe80:0:0:0:0:0:0:1", "fe80::/10", true),
        ("fec0:0:0:0:0:0:0:1", "fe80::/10", false),
        ("fe80:0:0:0:0:0:0:1%2", "fe80::/10", false),
        ("ffff:0:0:0:0:0:0:0", "-1::", true),
        ("unknown", "0.0.0.0/0", false),
    ] {
        assert_eq!(matches(who, holder), expected, "{who} {holder}");
    }
}

#[test]
fn identities_are_written_as_java_writes_them() {
    let mut link_local = [0; 16];
    link_local[..2].copy_from_slice(&[0xfe, 0x80]);
    link_local[15] = 1;
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 1, 2, 3, 4]);
    let mut compatible = mapped;
    compatible[10..12].fill(0);
    let documentation = 0x2001_0db8_0000_0000_0000_ff00_0042_8329_u128.to_be_bytes();
    for (peer, text) in [
        (PeerAddress::V4([127, 0, 0, 1]), "127.0.0.1"),
        (
            PeerAddress::V6(1_u128.to_be_bytes(), None),
            "0:0:0:0:0:0:0:1",
        ),
        (
            PeerAddress::V6(documentation, None),
            "2001:db8:0:0:0:ff00:42:8329",
        ),
        (PeerAddress::V6(mapped, None), "1.2.3.4"),
        (PeerAddress::V6(compatible, None), "0:0:0:0:0:0:102:304"),
        (PeerAddress::V6(link_local, Some(3)), "fe80:0:0:0:0:0:0:1%3"),
        (PeerAddress::V6(link_local, Some(0)), "fe80:0:0:0:0:0:0:1"),
    ] {
        assert_eq!(ip_identity(peer), Id::new("ip", text));
    }
}

proptest! {
    #[test]
    fn v4_masks_compare_the_leading_bits(ours: [u8; 4], flip in 0..40_u32, bits in 0..=32_u32) {
        let theirs = u32::from_be_bytes(ours) ^ 1_u32.checked_shl(flip).unwrap_or(0);
        let holder = format!("{}/{bits}", ip_identity(PeerAddress::V4(ours)).id);
        let who = ip_identity(PeerAddress::V4(theirs.to_be_bytes())).id;
        // The flipped bit, counted from the front, is outside of the mask or not there at all.
        prop_assert_eq!(matches(&who, &holder), flip >= 32 || 31 - flip >= bits);
    }

    #[test]
    fn v6_masks_compare_the_leading_bits(ours: [u8; 16], flip in 0..140_u32, bits in 0..=128_u32) {
        prop_assume!(ours[..10] != [0; 10]);
        let theirs = u128::from_be_bytes(ours) ^ 1_u128.checked_shl(flip).unwrap_or(0);
        let holder = format!("{}/{bits}", ip_identity(PeerAddress::V6(ours, None)).id);
        let who = ip_identity(PeerAddress::V6(theirs.to_be_bytes(), None)).id;
        prop_assert_eq!(matches(&who, &holder), flip >= 128 || 127 - flip >= bits);
    }

    #[test]
    fn no_text_panics(who in "\\PC{0,12}", holder in "[0-9a-f:./+-]{0,24}") {
        let _ = (matches(&who, &holder), matches(&holder, &who));
        prop_assert_eq!(is_valid(&holder), Network::parse(&holder).is_some());
    }

    #[test]
    fn compressed_and_full_forms_are_one_address(address: [u16; 8], from in 0..8_usize, len in 1..8_usize) {
        let mut groups = address;
        let to = (from + len).min(8);
        groups[from..to].fill(0);
        let hex = |groups: &[u16]| groups.iter().map(|g| format!("{g:x}")).collect::<Vec<_>>().join(":");
        let compressed = format!("{}::{}", hex(&groups[..from]), hex(&groups[to..]));
        let full = hex(&groups);
        prop_assert_eq!(parse_v6(&compressed), parse_v6(&full));
        prop_assert!(parse_v6(&full).is_some());
    }
}
