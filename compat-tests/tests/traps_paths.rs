//! Which paths are legal, and where they are looked at.

use compat_tests::stage::on_shared;
use compat_tests::wire::{Acl, code, op, request};

/// Names that are illegal in any place.
const ILLEGAL: [&str; 18] = [
    ".",
    "..",
    "a\u{1}",
    "\u{8}",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "\u{9f}",
    "\u{e000}",
    "\u{f8ff}",
    "\u{fff0}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10000}",
    "\u{1F600}",
    "\u{10ffff}",
    "\n",
    "\t",
];

/// Names that are legal although they may not look it.
const LEGAL: [&str; 17] = [
    "a b", " ", "...", "a..", "..a", "a.", ".a", "\u{a0}", "\u{d7ff}", "\u{f900}", "\u{ffef}", "~",
    "%00", "\\", "é", "e\u{301}", "名前",
];

#[test]
fn trap_047_what_a_name_may_hold() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t047", "");
        for name in LEGAL {
            client.create(&format!("/t047/{name}"), "");
        }
        for name in ILLEGAL {
            let path = format!("/t047/{name}");
            let body = request::create(&path, "", &Acl::open(), 0);
            let reply = client.call(op::CREATE, &body);
            assert_eq!(reply.err, code::BAD_ARGUMENTS, "{name:?}");
        }
        let mut expected = LEGAL.map(str::to_owned);
        expected.sort();
        let children = client.call(op::GET_CHILDREN, &request::path_watch("/t047", false));
        assert_eq!(children.names(), expected);
    });
}

#[test]
fn trap_047_malformed_text_is_no_name() {
    on_shared(|s| {
        let mut client = s.client();
        for path in [
            &b"/t047\xff"[..],
            b"/t047\xc0\x80",
            b"/t047\xed\xa0\xbd\xed\xb8\x80",
            b"/t047\xe2\x82",
        ] {
            let body = request::create(path, "", &Acl::open(), 0);
            client.call(op::CREATE, &body).fails(code::BAD_ARGUMENTS);
        }
    });
}

#[test]
fn row_5_1_set_data_and_set_acl_validate_the_whole_path_first() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t51", "");
        let illegal = [
            "",
            "t51",
            "//t51",
            "/t51/",
            "/t51//a",
            "/t51/.",
            "/t51/../t51",
            "/t51/./a",
            "/t51\0",
            "/t51\u{7f}",
        ];
        for path in illegal {
            let body = request::set_data(path, "", -1);
            client.call(op::SET_DATA, &body).fails(code::BAD_ARGUMENTS);
            // Even before the list that is invalid.
            client
                .call(op::SET_ACL, &request::set_acl(path, &[], -1))
                .fails(code::BAD_ARGUMENTS);
        }
        client
            .call(op::SET_DATA, &request::set_data("/t51/a", "", -1))
            .fails(code::NO_NODE);
    });
}

#[test]
fn row_5_1_the_root_takes_data_and_acl() {
    on_shared(|s| {
        let mut client = s.client();
        client.set_data("/", "");
        client.set_acl("/", &Acl::open());
    });
}

#[test]
fn row_5_1_paths_may_be_long_and_deep() {
    on_shared(|s| {
        let mut client = s.client();
        let mut path = String::new();
        for _ in 0..200 {
            path.push_str("/t51d");
            client.create(&path, "");
        }
        let long = format!("/t51l{}", "x".repeat(100_000));
        client.create(&long, "");
        assert_eq!(client.stat(&long).data_length, 0);
        client.delete(&long);
    });
}
