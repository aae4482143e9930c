//! Scripts from text; `text` writes it and says what it looks like.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::differential::script::Ask;
use crate::differential::script::Bend;
use crate::differential::script::Hello;
use crate::differential::script::House;
use crate::differential::script::Op;
use crate::differential::script::Password;
use crate::differential::script::Path;
use crate::differential::script::SLOTS;
use crate::differential::script::Script;
use crate::differential::script::Step;
use crate::differential::text::OPERATIONS;
use crate::wire::Acl;
use crate::wire::Blob;
use crate::wire::encode::hex;
use crate::wire::op;

impl std::str::FromStr for Script {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut house = House::Plain;
        let mut steps = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = || format!("line {}: {line}", number + 1);
            if let Some(name) = line.strip_prefix("house ") {
                let known = House::ALL.into_iter().find(|house| house.name() == name);
                house = known.with_context(at)?;
                continue;
            }
            let mut words = Words::new(line).with_context(at)?;
            steps.push(words.step().with_context(at)?);
            ensure!(words.rest.is_empty(), "{}: too much", at());
        }
        Ok(Self { house, steps })
    }
}

/// What is left of a line, word by word.
struct Words {
    /// Reversed: the next one is the last.
    rest: Vec<String>,
}

impl Words {
    fn new(line: &str) -> Result<Self> {
        let mut rest = Vec::new();
        let mut left = line.trim_start();
        while !left.is_empty() {
            let end = word_end(left)?;
            let (word, tail) = left.split_at(end);
            rest.push(word.to_owned());
            left = tail.trim_start();
        }
        rest.reverse();
        Ok(Self { rest })
    }

    fn next(&mut self) -> Result<String> {
        self.rest.pop().context("the line ends early")
    }

    /// Whether this word comes next; if so it is taken.
    fn comes(&mut self, word: &str) -> bool {
        let comes = self.rest.last().is_some_and(|next| next == word);
        if comes {
            self.rest.pop();
        }
        comes
    }

    fn want(&mut self, word: &str) -> Result<()> {
        let next = self.next()?;
        ensure!(next == word, "want {word}, not {next}");
        Ok(())
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let word = self.next()?;
        word.parse()
            .map_err(|_| anyhow::anyhow!("{word} is no number that fits"))
    }

    /// A number behind its name.
    fn named<T: std::str::FromStr>(&mut self, name: &str) -> Result<T> {
        self.want(name)?;
        self.number()
    }

    fn slot(&mut self) -> Result<usize> {
        let word = self.next()?;
        let number = word.strip_prefix('c').and_then(|text| text.parse().ok());
        let slot = number.with_context(|| format!("{word} is no connection"))?;
        ensure!(slot < SLOTS, "there are {SLOTS} connections");
        Ok(slot)
    }

    fn blob(&mut self) -> Result<Blob> {
        let word = self.next()?;
        if word == "null" {
            return Ok(Blob(None));
        }
        unquoted(&word).with_context(|| format!("{word} is neither null nor in quotes"))
    }

    fn path(&mut self) -> Result<Path> {
        let made = self.rest.last().is_some_and(|next| next.starts_with('@'));
        if made && let Some(next) = self.rest.last_mut() {
            next.remove(0);
        }
        let text = self.blob()?;
        Ok(Path { made, text })
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        let text = self.blob()?.0.context("want bytes")?;
        let text = String::from_utf8(text)?;
        let digits = text.chars().all(|c| c.is_ascii_hexdigit());
        ensure!(digits && text.len().is_multiple_of(2), "want hexadecimal");
        Ok(hex(&text))
    }

    /// Things in brackets.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.want("[")?;
        let mut list = Vec::new();
        while !self.comes("]") {
            list.push(element(self)?);
        }
        Ok(list)
    }

    /// Things in braces, parted by semicolons.
    fn block<T>(&mut self, mut element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.want("{")?;
        let mut list = Vec::new();
        while !self.comes("}") {
            list.push(element(self)?);
            self.comes(";");
        }
        Ok(list)
    }

    fn acl(&mut self) -> Result<Vec<Acl>> {
        self.want("acl")?;
        self.list(|words| Ok(Acl::new(words.number()?, words.blob()?, words.blob()?)))
    }

    fn step(&mut self) -> Result<Step> {
        if self.comes("visit") {
            let hello = self.hello()?;
            return Ok(Step::Visit { hello });
        }
        let slot = self.slot()?;
        if self.comes("connect") {
            let hello = self.hello()?;
            return Ok(Step::Connect { slot, hello });
        }
        if self.comes("reattach") {
            return self.reattach(slot);
        }
        if self.comes("expire") {
            let paths = self.list(Self::path)?;
            return Ok(Step::Expire { slot, paths });
        }
        if self.comes("drop") {
            return Ok(Step::Drop { slot });
        }
        if self.comes("raw") {
            let bytes = self.bytes()?;
            return Ok(Step::Raw { slot, bytes });
        }
        if self.comes("burst") {
            let ops = self.block(Self::op)?;
            return Ok(Step::Burst { slot, ops });
        }
        let op = self.op()?;
        Ok(Step::Request { slot, op })
    }

    fn reattach(&mut self, slot: usize) -> Result<Step> {
        let of = self.slot()?;
        self.want("password")?;
        let word = self.next()?;
        let known = Password::ALL.iter().find(|(_, name)| *name == word);
        let (password, _) = known.with_context(|| format!("no password is {word}"))?;
        Ok(Step::Reattach {
            slot,
            of,
            password: *password,
            hello: self.hello()?,
        })
    }

    fn hello(&mut self) -> Result<Hello> {
        let mut hello = Hello::new(self.named("timeout")?);
        while !self.rest.is_empty() {
            match self.next()?.as_str() {
                "ahead" => hello.ahead = Some(self.number()?),
                "short" => hello.read_only = None,
                "readOnly" => hello.read_only = Some(self.number()?),
                "protocol" => hello.protocol = self.number()?,
                other => bail!("{other} is no part of a greeting"),
            }
        }
        Ok(hello)
    }

    fn op(&mut self) -> Result<Op> {
        let ask = self.ask()?;
        let bend = if self.comes("cut") {
            Some(Bend::Cut(self.number()?))
        } else if self.comes("flip") {
            Some(Bend::Flip(self.number()?))
        } else if self.comes("tail") {
            Some(Bend::Tail(self.bytes()?))
        } else {
            None
        };
        Ok(Op { ask, bend })
    }

    fn ask(&mut self) -> Result<Ask> {
        if self.comes("opcode") {
            let kind = self.number()?;
            return Ok(Ask::Bare { kind });
        }
        let word = self.next()?;
        let known = OPERATIONS.iter().find(|(_, name)| *name == word);
        let (kind, _) = *known.with_context(|| format!("no operation is {word}"))?;
        match kind {
            op::MULTI | op::MULTI_READ => {
                let asks = self.block(Self::ask)?;
                Ok(Ask::Multi { kind, asks })
            }
            op::SET_WATCHES | op::SET_WATCHES2 => self.set_watches(kind),
            op::AUTH => {
                let (scheme, proof) = (self.blob()?, self.blob()?);
                Ok(Ask::Auth { scheme, proof })
            }
            op::SASL => {
                let token = self.blob()?;
                Ok(Ask::Sasl { token })
            }
            op::RECONFIG => Ok(Ask::Reconfig {
                joining: self.blob()?,
                leaving: self.blob()?,
                members: self.blob()?,
                version: self.named("version")?,
            }),
            op::WHO_AM_I => Ok(Ask::Bare { kind }),
            _ => self.about_a_path(kind),
        }
    }

    fn about_a_path(&mut self, kind: i32) -> Result<Ask> {
        let path = self.path()?;
        Ok(match kind {
            op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                self.create(kind, path)?
            }
            op::DELETE | op::CHECK => {
                let version = self.named("version")?;
                Ask::Version {
                    kind,
                    path,
                    version,
                }
            }
            op::EXISTS | op::GET_DATA | op::GET_CHILDREN | op::GET_CHILDREN2 => {
                let watch = self.named("watch")?;
                Ask::Watch { kind, path, watch }
            }
            op::SET_DATA => {
                self.want("data")?;
                let (data, version) = (self.blob()?, self.named("version")?);
                Ask::SetData {
                    path,
                    data,
                    version,
                }
            }
            op::SET_ACL => {
                let (acl, version) = (self.acl()?, self.named("version")?);
                Ask::SetAcl { path, acl, version }
            }
            op::ADD_WATCH | op::CHECK_WATCHES | op::REMOVE_WATCHES => {
                let of = self.named("of")?;
                Ask::Typed { kind, path, of }
            }
            _ => Ask::Path { kind, path },
        })
    }

    fn create(&mut self, kind: i32, path: Path) -> Result<Ask> {
        self.want("data")?;
        let (data, acl) = (self.blob()?, self.acl()?);
        let flags = self.named("flags")?;
        let ttl = match kind {
            op::CREATE_TTL => self.named("ttl")?,
            _ => -1,
        };
        Ok(Ask::Create {
            kind,
            path,
            data,
            acl,
            flags,
            ttl,
        })
    }

    fn set_watches(&mut self, kind: i32) -> Result<Ask> {
        let back = self.named("back")?;
        let count = if kind == op::SET_WATCHES { 3 } else { 5 };
        let lists = (0..count)
            .map(|_| self.list(Self::blob))
            .collect::<Result<_>>()?;
        Ok(Ask::SetWatches { kind, back, lists })
    }
}

/// Where the first word of a line ends: at a blank or semicolon, or behind closing quotes.
fn word_end(line: &str) -> Result<usize> {
    if line.starts_with(';') {
        return Ok(1);
    }
    let mut quotes = false;
    let mut escaped = false;
    for (place, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quotes => escaped = true,
            '"' => quotes = !quotes,
            ' ' | ';' if !quotes => return Ok(place),
            _ => {}
        }
    }
    ensure!(!quotes, "a quote is not closed");
    Ok(line.len())
}

/// The bytes of a word in quotes.
fn unquoted(word: &str) -> Option<Blob> {
    let inner = word.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?.to_owned();
                bytes.push(u8::from_str_radix(&digits, 16).ok()?);
            }
            plain => bytes.push(plain),
        }
    }
    Some(Blob(Some(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_script_says_where() {
        for (text, culprit) in [
            ("house nowhere", "line 1: house nowhere"),
            ("# fine\nc9 drop", "line 2: c9 drop"),
            ("c0 jump", "line 1: c0 jump"),
            ("c0 sync \"/a", "line 1: c0 sync"),
            ("c0 drop more", "line 1: c0 drop more"),
        ] {
            let error = text.parse::<Script>().expect_err(text);
            assert!(format!("{error:#}").starts_with(culprit), "{error:#}");
        }
    }

    #[test]
    fn blanks_and_comments_are_nothing() {
        let script: Script = "\n# why\nhouse open\n  c1 sync @\"/x\\x00\" tail \"ff\"\n"
            .parse()
            .unwrap();
        assert_eq!(script.house, House::Open);
        let path = Path {
            made: true,
            text: Blob::from("/x\0"),
        };
        let ask = Ask::Path {
            kind: op::SYNC,
            path,
        };
        let bend = Some(Bend::Tail(vec![0xff]));
        let op = Op { ask, bend };
        assert_eq!(script.steps, [Step::Request { slot: 1, op }]);
    }
}
