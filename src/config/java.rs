//! How Java reads numbers and truth values from text. Two dialects: `parse*` for keys of the settings file,
//! `decode` for system properties.

use std::num::IntErrorKind;

/// `Integer.decode` and `Long.decode`: decimal, `0x`/`0X`/`#` hexadecimal, or octal with a leading `0`; one sign first.
/// `None` when the text is none of these or the number does not fit in 64 bits.
pub(crate) fn decode(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = radix_of(digits);
    // A second sign would be accepted by `from_str_radix`; Java refuses it.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn radix_of(digits: &str) -> (u32, &str) {
    if let Some(hex) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        (16, hex)
    } else if let Some(hex) = digits.strip_prefix('#') {
        (16, hex)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    }
}

/// `Integer.parseInt`: decimal only. The error is the text of Java's exception.
pub(crate) fn parse_int(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| for_input(text))
}

/// `Long.parseLong`: decimal only. The error is the text of Java's exception.
pub(crate) fn parse_long(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| for_input(text))
}

/// `Long.parseLong(text, 16)`.
pub(crate) fn parse_hex_long(text: &str) -> Result<i64, String> {
    match i64::from_str_radix(text, 16) {
        Ok(number) => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::Empty => Err(for_input("")),
        Err(_) => Err(format!("{} under radix 16", for_input(text))),
    }
}

fn for_input(text: &str) -> String {
    format!("For input string: \"{text}\"")
}

/// The boolean of a settings-file key: `true` or `false` in any case, else `None`.
pub(crate) fn strict_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_knows_four_notations() {
        for (text, want) in [
            ("0", Some(0)),
            ("16", Some(16)),
            ("-16", Some(-16)),
            ("+16", Some(16)),
            ("0x10", Some(16)),
            ("0X10", Some(16)),
            ("#10", Some(16)),
            ("-#10", Some(-16)),
            ("010", Some(8)),
            ("-010", Some(-8)),
            ("08", None),
            ("00", Some(0)),
            ("", None),
            ("-", None),
            ("0x", None),
            ("--1", None),
            ("+-1", None),
            ("0x-1", None),
            ("1 ", None),
            ("1k", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("99999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(decode(text), want, "{text:?}");
        }
    }

    #[test]
    fn parse_is_decimal_only() {
        assert_eq!(parse_int("-5"), Ok(-5));
        assert_eq!(parse_int("+5"), Ok(5));
        assert_eq!(parse_int("007"), Ok(7));
        for bad in ["abc", "", "0x10", "2147483648", "1.0", " 1"] {
            assert_eq!(parse_int(bad), Err(format!("For input string: \"{bad}\"")));
        }
        assert_eq!(parse_long("2147483648"), Ok(2_147_483_648));
        assert_eq!(parse_hex_long("100000000"), Ok(1 << 32));
        assert_eq!(
            parse_hex_long("xyz"),
            Err("For input string: \"xyz\" under radix 16".into())
        );
    }

    #[test]
    fn strict_booleans() {
        assert_eq!(strict_boolean("TRUE"), Some(true));
        assert_eq!(strict_boolean("False"), Some(false));
        for bad in ["yes", "no", "1", "", " true"] {
            assert_eq!(strict_boolean(bad), None, "{bad:?}");
        }
    }
}
