//! Reads of the model.

use crate::ask::Ask;
use crate::model::{From, Model, Node, Owner, READ, allows};
use crate::model_watches::Kind;
use crate::said;

const ADMIN: i32 = 16;

impl Model {
    /// Serves a read at once.
    pub fn serve(&mut self, from: &From, ask: &Ask) {
        let (mut err, mut body) = (0, String::new());
        match self.read(from, ask) {
            Ok(text) => body = text,
            Err(code) => err = code,
        }
        let xid = if *ask == Ask::Ping { -2 } else { from.xid };
        let mut line = said::header(xid, self.zxid, err);
        if !body.is_empty() {
            line = format!("{line} {body}");
        }
        self.tell(from.conn, line);
    }

    fn node(&self, path: &str) -> Result<&Node, i32> {
        let path = if path.is_empty() { "/" } else { path };
        self.nodes.get(path).ok_or(-101)
    }

    fn readable(&self, from: &From, path: &str) -> Result<&Node, i32> {
        let node = self.node(path)?;
        if allows(&node.acl, &from.who, READ) {
            Ok(node)
        } else {
            Err(-102)
        }
    }

    fn read(&mut self, from: &From, ask: &Ask) -> Result<String, i32> {
        match ask {
            Ask::Get(path, watch) => {
                let data = self.data(from, path)?;
                self.leave(*watch, from, path, Kind::Data);
                Ok(format!("{data} {}", said::stat(&self.stat(path))))
            }
            Ask::Exists(path, watch) => {
                if self.node(path).is_ok() {
                    self.readable(from, path)?;
                }
                self.leave(*watch, from, path, Kind::Data);
                self.node(path)?;
                Ok(said::stat(&self.stat(path)))
            }
            Ask::Ls(path, watch) | Ask::Ls2(path, watch) => {
                self.readable(from, path)?;
                self.leave(*watch, from, path, Kind::Child);
                let names = said::names(self.children(path));
                match ask {
                    Ask::Ls(..) => Ok(names),
                    _ => Ok(format!("{names} {}", said::stat(&self.stat(path)))),
                }
            }
            Ask::GetAcl(path) => self.acl(from, path),
            Ask::Count(path) => {
                self.readable(from, path)?;
                let below = format!("{}/", path.trim_end_matches('/'));
                let counted = self.nodes.keys().filter(|name| name.starts_with(&below));
                let itself = usize::from(path == "/");
                Ok((counted.count() - itself).to_string())
            }
            Ask::Ephemerals(prefix) => {
                let own = self.nodes.iter().filter(|(path, node)| {
                    node.owner == Owner::Session(from.session)
                        && (prefix == "/" || path.starts_with(prefix.as_str()))
                });
                Ok(said::names(own.map(|(path, _)| path.clone()).collect()))
            }
            Ask::Sync(path) => Ok(path.clone()),
            Ask::WhoAmI => Ok(said::names(from.who.iter().map(who).collect())),
            Ask::Ping => Ok(String::new()),
            Ask::MultiRead(parts) => Ok(self.multi_read(from, parts)),
            _ => self.watch_request(from, ask),
        }
    }

    fn data(&self, from: &From, path: &str) -> Result<String, i32> {
        let node = self.readable(from, path)?;
        Ok(format!("'{}'", node.data.as_deref().unwrap_or("null")))
    }

    fn leave(&mut self, wanted: bool, from: &From, path: &str, kind: Kind) {
        if wanted {
            self.watches.add(from.conn, path, kind, false);
        }
    }

    fn acl(&self, from: &From, path: &str) -> Result<String, i32> {
        let node = self.node(path)?;
        if !allows(&node.acl, &from.who, READ | ADMIN) {
            return Err(-102);
        }
        let mut acl = node.acl.clone();
        if !allows(&acl, &from.who, ADMIN) {
            for (_, scheme, id) in &mut acl {
                if let ("digest", Some(end)) = (scheme.as_str(), id.find(':')) {
                    id.replace_range(end.., ":x");
                }
            }
        }
        Ok(format!(
            "{} {}",
            said::list(&acl),
            said::stat(&self.stat(path))
        ))
    }

    fn multi_read(&self, from: &From, parts: &[Ask]) -> String {
        let one = |part: &Ask| match part {
            Ask::Get(path, _) => {
                let data = self.data(from, path)?;
                Ok(format!("get {data} {}", said::stat(&self.stat(path))))
            }
            Ask::Ls(path, _) => {
                self.readable(from, path)?;
                Ok(format!("ls {}", said::names(self.children(path))))
            }
            _ => unreachable!("only reads of two kinds"),
        };
        let text = |part: &Ask| one(part).unwrap_or_else(|code: i32| format!("err {code}"));
        format!(
            "{{{}}}",
            parts.iter().map(text).collect::<Vec<_>>().join("; ")
        )
    }

    fn watch_request(&mut self, from: &From, ask: &Ask) -> Result<String, i32> {
        match ask {
            Ask::AddWatch(path, mode) => {
                match mode {
                    0 => self.watches.add_persistent(from.conn, path),
                    1 => self.watches.add(from.conn, path, Kind::Recursive, true),
                    _ => return Err(-5),
                }
                Ok("0".to_owned())
            }
            Ask::CheckWatch(path, kind) => self.watches.check(from.conn, path, *kind),
            Ask::RemoveWatch(path, kind) => self.watches.remove(from.conn, path, *kind),
            Ask::SetWatches(seen, lists) => {
                self.set_watches(from, *seen, lists);
                Ok(String::new())
            }
            _ => unreachable!("not a read"),
        }
    }

    fn set_watches(&mut self, from: &From, seen: i64, lists: &[Vec<String>; 5]) {
        let [data, exist, child, persistent, recursive] = lists;
        for path in data {
            let event = match self.nodes.get(path) {
                None => Some(2),
                Some(node) => (node.stat.mzxid > seen).then_some(3),
            };
            self.settle(from, path, event, Kind::Data);
        }
        for path in exist {
            let event = self.nodes.get(path).map(|_| 1);
            self.settle(from, path, event, Kind::Data);
        }
        for path in child {
            let event = match self.nodes.get(path) {
                None => Some(2),
                Some(node) => (node.stat.pzxid > seen).then_some(4),
            };
            self.settle(from, path, event, Kind::Child);
        }
        for path in persistent {
            self.watches.add_persistent(from.conn, path);
        }
        for path in recursive {
            self.watches.add(from.conn, path, Kind::Recursive, true);
        }
    }

    fn settle(&mut self, from: &From, path: &str, event: Option<i32>, kind: Kind) {
        match event {
            Some(event) => self.tell(from.conn, said::event(-1, event, path)),
            None => self.watches.add(from.conn, path, kind, false),
        }
    }
}

/// How whoAmI names an identity.
fn who(id: &oxkeeper::types::Id) -> String {
    let name = match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default(),
        _ => &id.id,
    };
    format!("{}:{name}", id.scheme)
}
