//! Four-letter words on the client port.

use compat_tests::server::Options;
use compat_tests::stage::on_own;
use compat_tests::stage::on_shared;
use compat_tests::wire::encode::hex;

/// Every word but `stmk`, which has an argument.
const WORDS: [&str; 17] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "srst", "srvr", "stat", "wchc",
    "wchp", "wchs", "mntr", "isro", "hash",
];

#[test]
fn trap_016_ruok_is_answered_without_a_length_and_without_a_line_end() {
    on_shared(|s| assert_eq!(s.answer_to(b"ruok"), b"imok"));
}

#[test]
fn trap_016_words_that_are_not_allowed_say_so() {
    on_own(
        &Options::default().set("4lw.commands.whitelist", "srvr"),
        |s, _| {
            for word in WORDS.iter().filter(|word| **word != "srvr") {
                let answer = String::from_utf8(s.answer_to(word.as_bytes())).expect("text");
                assert_eq!(
                    answer,
                    format!("{word} is not executed because it is not in the whitelist.\n")
                );
            }
            assert!(
                s.answer_to(b"srvr").starts_with(b"Zookeeper version: "),
                "srvr is always allowed"
            );
        },
    );
}

#[test]
fn trap_016_a_word_after_session_set_up_is_a_length() {
    on_shared(|s| {
        let mut client = s.client();
        client.conn.send(b"ruok");
        client.conn.ends_silently();
    });
}

#[test]
fn trap_017_isro_has_no_line_end() {
    on_shared(|s| assert_eq!(s.answer_to(b"isro"), b"rw"));
}

#[test]
fn row_2_3_every_allowed_word_is_answered_with_text() {
    on_shared(|s| {
        for word in WORDS {
            let answer = String::from_utf8(s.answer_to(word.as_bytes())).expect("text");
            assert!(!answer.contains("whitelist"), "{word}: {answer}");
            // No watches are listed where there are none, and digests of the tree come only with many transactions.
            assert!(
                !answer.is_empty() || ["wchc", "wchp", "hash"].contains(&word),
                "{word} has an answer"
            );
        }
    });
}

#[test]
fn row_2_3_unknown_words_are_lengths() {
    on_shared(|s| {
        for word in ["abcd", "RUOK", "ruoK", "\r\n\r\n", "GET "] {
            assert_eq!(s.answer_to(word.as_bytes()), [], "{word}");
        }
    });
}

#[test]
fn row_2_3_a_word_may_come_byte_by_byte() {
    on_shared(|s| {
        let mut conn = s.conn();
        for byte in b"ruok" {
            conn.send(&[*byte]);
        }
        assert_eq!(conn.rest(), b"imok");
    });
}

#[test]
fn row_2_3_what_follows_a_word_is_ignored() {
    on_shared(|s| assert_eq!(s.answer_to(b"ruok\n"), b"imok"));
}

#[test]
fn row_2_3_the_telnet_interrupt_closes() {
    on_shared(|s| assert_eq!(s.answer_to(&hex("fff4fffd")), []));
}

#[test]
fn row_2_3_isro_is_allowed_where_read_only_mode_is() {
    let options = Options::default()
        .set("4lw.commands.whitelist", "srvr")
        .property("readonlymode.enabled", true);
    on_own(&options, |s, _| assert_eq!(s.answer_to(b"isro"), b"rw"));
}
