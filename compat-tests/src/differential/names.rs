//! Names for what is different in every run: ids of sessions, zxids and times. The same thing has the same name with either
//! server, so that only real differences are left.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// A time further than this from now is no time of this run.
const AN_HOUR_MS: u64 = 3_600_000;

/// The names given during one script on one server.
#[derive(Clone, Debug)]
pub struct Names {
    /// The last zxid before the script.
    base: i64,
    /// Sessions in order of their coming.
    sessions: Vec<i64>,
    /// When the transactions happened.
    times: BTreeMap<i64, i64>,
}

impl Names {
    /// No names yet; zxids are counted from this one.
    #[must_use]
    pub fn new(base: i64) -> Self {
        Self {
            base,
            sessions: Vec::new(),
            times: BTreeMap::new(),
        }
    }

    /// A zxid, counted from the begin of the script.
    #[must_use]
    pub fn zxid(&self, zxid: i64) -> String {
        if zxid <= 0 {
            return zxid.to_string();
        }
        format!("z{:+}", zxid.wrapping_sub(self.base))
    }

    /// A session that was granted.
    pub fn granted(&mut self, id: i64) -> String {
        if !self.sessions.contains(&id) {
            self.sessions.push(id);
        }
        self.owner(id)
    }

    /// The owner of an ephemeral node.
    #[must_use]
    pub fn owner(&self, id: i64) -> String {
        match self.sessions.iter().position(|known| *known == id) {
            Some(place) => format!("S{}", place + 1),
            None if id == 0 => "0".to_owned(),
            None => format!("{id:#x}"),
        }
    }

    /// The time of a transaction: `t` if it is of this hour and the same as ever for this transaction.
    pub fn time(&mut self, zxid: i64, time: i64) -> String {
        if time == 0 {
            return "0".to_owned();
        }
        let first = *self.times.entry(zxid).or_insert(time);
        if first != time {
            return format!("{:+}ms", time.wrapping_sub(first));
        }
        let now = UNIX_EPOCH.elapsed().expect("it is after 1970").as_millis();
        let now = i64::try_from(now).expect("a time fits in 64 bits");
        if now.abs_diff(time) > AN_HOUR_MS {
            return time.to_string();
        }
        "t".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zxids_count_from_the_begin() {
        let names = Names::new(40);
        let named = [43, 40, 38, 0, -1].map(|zxid| names.zxid(zxid));
        assert_eq!(named, ["z+3", "z+0", "z-2", "0", "-1"]);
    }

    #[test]
    fn sessions_have_numbers() {
        let mut names = Names::new(0);
        assert_eq!(names.granted(77), "S1");
        assert_eq!(names.granted(99), "S2");
        assert_eq!(names.granted(77), "S1");
        assert_eq!([names.owner(99), names.owner(5)], ["S2", "0x5"]);
    }

    #[test]
    fn a_transaction_has_one_time() {
        let mut names = Names::new(0);
        let now = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        assert_eq!(names.time(1, now), "t");
        assert_eq!(names.time(1, now + 2), "+2ms");
        assert_eq!(names.time(2, 5), "5");
        assert_eq!(names.time(0, 0), "0");
    }
}
