//! Quota bookkeeping: which paths carry one, and what lies below them. It counts and reports; others
//! refuse.
//!
//! A quota on `/a` is the node `/zookeeper/quota/a/zookeeper_limits`, written by clients; its usage is
//! the data of `zookeeper_stats` beside it, kept up to date here. Of nested quotas only the deepest
//! counts. Text that cannot be read never stops anything: such usage stays as it is and such limits
//! do not bind, until somebody repairs them.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::tree::quota_text::{BYTES, BYTES_HARD, COUNT, COUNT_HARD, QuotaText};
use crate::types::path::{LIMITS_NODE, QUOTA, STATS_NODE};

/// The paths that carry a quota.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    paths: BTreeSet<String>,
}

impl Quotas {
    /// The deepest of `path` and its ancestors that carries a quota.
    fn covering(&self, path: &str) -> Option<&str> {
        if self.paths.is_empty() {
            return None;
        }
        let mut path = path;
        loop {
            if let Some(found) = self.paths.get(path) {
                return Some(found);
            }
            path = &path[..path.rfind('/')?];
        }
    }
}

/// A quota and how far it is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUse {
    /// The path that carries it.
    pub path: String,
    /// Nodes allowed softly, itself included: exceeding it is only reported.
    pub count_soft: Option<i64>,
    /// Nodes allowed; replaces the soft limit.
    pub count_hard: Option<i64>,
    /// Bytes of data allowed softly.
    pub bytes_soft: Option<i64>,
    /// Bytes of data allowed; replaces the soft limit.
    pub bytes_hard: Option<i64>,
    /// Nodes now; -1 if the usage does not say.
    pub count: i64,
    /// Bytes of data now; -1 if the usage does not say.
    pub bytes: i64,
}

impl Tree {
    /// The quota that covers `path`, whether a node is there or not. `None` without one, or while its
    /// limits or usage are missing or unreadable.
    // apache 3.9.5: server/ZooKeeperServer.java checkQuota
    pub fn quota_over(&self, path: &str) -> Option<QuotaUse> {
        let subject = self.quotas.covering(path)?;
        let text = |leaf| QuotaText::parse(self.find(&declaration(subject, leaf))?.data());
        let (limits, usage) = (text(LIMITS_NODE)?, text(STATS_NODE)?);
        let limit = |key| Some(limits.get(key)).filter(|limit| *limit >= 0);
        Some(QuotaUse {
            path: subject.to_owned(),
            count_soft: limit(COUNT),
            count_hard: limit(COUNT_HARD),
            bytes_soft: limit(BYTES),
            bytes_hard: limit(BYTES_HARD),
            count: usage.get(COUNT),
            bytes: usage.get(BYTES),
        })
    }

    /// A node was created: it may declare a quota, and it counts.
    // apache 3.9.5: server/DataTree.java createNode
    pub(crate) fn quota_created(&mut self, path: &str, bytes: i64) {
        match declared(path) {
            // The root cannot carry a quota: the servers that tried stopped.
            Some((subject, LIMITS_NODE)) if !subject.is_empty() => {
                self.quotas.paths.insert(subject.to_owned());
            }
            Some((subject, STATS_NODE)) => self.recount(subject),
            _ => {}
        }
        self.quota_changed(path, 1, bytes);
    }

    /// A node was deleted.
    // apache 3.9.5: server/DataTree.java deleteNode
    pub(crate) fn quota_deleted(&mut self, path: &str, bytes: i64) {
        if let Some((subject, LIMITS_NODE)) = declared(path) {
            self.quotas.paths.remove(subject);
        }
        self.quota_changed(path, -1, -bytes);
    }

    /// Moves the usage of the quota that covers `path`, if there is one that can be read.
    // apache 3.9.5: server/DataTree.java updateQuotaStat
    pub(crate) fn quota_changed(&mut self, path: &str, count: i64, bytes: i64) {
        let Some(subject) = self.quotas.covering(path) else {
            return;
        };
        let stats_path = declaration(subject, STATS_NODE);
        let usage = self.find(&stats_path).map(|node| node.data());
        let Some(mut usage) = usage.and_then(QuotaText::parse) else {
            return;
        };
        usage.set(COUNT, usage.get(COUNT).wrapping_add(count));
        usage.set(BYTES, usage.get(BYTES).wrapping_add(bytes));
        self.write_usage(&stats_path, &usage);
    }

    /// Registers and recounts every declared quota: once, when a tree was loaded.
    // apache 3.9.5: server/DataTree.java setupQuota
    pub(crate) fn recount_quotas(&mut self) {
        let Some(quota) = self.find_id(QUOTA) else {
            return;
        };
        let limits = self.descend(quota).map(|id| self.node(id));
        let limits = limits.filter(|node| node.name() == LIMITS_NODE);
        for path in limits.map(|node| node.path()).collect::<Vec<_>>() {
            if let Some((subject, LIMITS_NODE)) = declared(&path)
                && !subject.is_empty()
            {
                self.recount(subject);
                self.quotas.paths.insert(subject.to_owned());
            }
        }
    }

    /// Counts everything below `subject` and writes that into its usage.
    // apache 3.9.5: server/DataTree.java updateQuotaForPath
    fn recount(&mut self, subject: &str) {
        let (mut count, mut bytes) = (0_i64, 0_i64);
        if let Some(id) = self.find_id(subject) {
            for node in self.descend(id).map(|id| self.node(id)) {
                count += 1;
                bytes += data_len(node.data());
            }
        }
        let mut usage = QuotaText::default();
        usage.set(COUNT, count);
        usage.set(BYTES, bytes);
        self.write_usage(&declaration(subject, STATS_NODE), &usage);
    }

    /// Data only: no stat moves and nobody is told.
    fn write_usage(&mut self, path: &str, usage: &QuotaText) {
        if let Some(id) = self.find_id(path) {
            let text = usage.render();
            self.edit_data(id, path, Some(text.as_bytes()), |_| {});
        }
    }
}

/// Bytes of data as quotas count them.
pub(crate) fn data_len(data: Option<&[u8]>) -> i64 {
    let len = data.map_or(0, <[u8]>::len);
    i64::try_from(len).expect("no buffer is longer than an i64 says")
}

/// The path that a node below `/zookeeper/quota` speaks of, empty for the root, and the node's name.
fn declared(path: &str) -> Option<(&str, &str)> {
    let (subject, leaf) = path.strip_prefix(QUOTA)?.rsplit_once('/')?;
    (subject.is_empty() || subject.starts_with('/')).then_some((subject, leaf))
}

fn declaration(subject: &str, leaf: &str) -> String {
    format!("{QUOTA}{subject}/{leaf}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::test_support::*;

    const LIMITS: &str = "/zookeeper/quota/a/zookeeper_limits";
    const STATS: &str = "/zookeeper/quota/a/zookeeper_stats";

    fn text(tree: &Tree, path: &str) -> String {
        let data = tree.find(path).unwrap().data();
        String::from_utf8(data.unwrap().to_vec()).unwrap()
    }

    /// `/a` with one child and a quota of 5 nodes, hard, and 100 bytes, soft.
    fn with_quota() -> Tree {
        let mut tree = tree();
        let txns = [
            create("/a", b"12", -1),
            create("/a/b", b"345", -1),
            create("/ab", b"678", -1),
            create("/zookeeper/quota/a", b"", -1),
            create(LIMITS, b"count=-1,bytes=100=;countHardLimit=5", -1),
            create(STATS, b"whatever", -1),
        ];
        run(&mut tree, 1, &txns);
        tree
    }

    #[test]
    fn usage_is_counted_when_the_stats_node_is_made() {
        let tree = with_quota();
        assert_eq!(text(&tree, STATS), "count=2,bytes=5");
        let quota = tree.quota_over("/a/b/new").unwrap();
        let want = QuotaUse {
            path: "/a".into(),
            count_soft: None,
            count_hard: Some(5),
            bytes_soft: Some(100),
            bytes_hard: None,
            count: 2,
            bytes: 5,
        };
        assert_eq!(quota, want);
        assert_eq!(tree.quota_over("/ab"), None, "whole names match");
        assert_eq!(tree.quota_over("/"), None);
    }

    #[test]
    fn usage_follows_and_moves_no_stat() {
        let mut tree = with_quota();
        let before = tree.find(STATS).unwrap().persisted();
        let (digest, bytes) = (tree.digest(), tree.data_bytes());
        let mut heard = Heard::default();
        tree.apply(&header(20), &create("/a/b/c", b"12345", 1), &mut heard);
        assert_eq!(text(&tree, STATS), "count=3,bytes=10");
        tree.apply(&header(21), &set_data("/a", b"1", 1), &mut heard);
        assert_eq!(text(&tree, STATS), "count=3,bytes=9");
        tree.apply(&header(22), &delete("/a/b/c"), &mut heard);
        assert_eq!(text(&tree, STATS), "count=2,bytes=4");
        tree.apply(&header(23), &set_data("/ab", b"", 1), &mut heard);
        assert_eq!(text(&tree, STATS), "count=2,bytes=4");
        assert_eq!(tree.find(STATS).unwrap().persisted(), before);
        assert_eq!(heard.0.len(), 4, "nobody hears of usage");
        assert_ne!(tree.digest(), digest);
        assert_eq!(tree.data_bytes(), bytes - 4);
    }

    #[test]
    fn only_the_deepest_quota_counts() {
        let mut tree = with_quota();
        let txns = [
            create("/zookeeper/quota/a/b", b"", -1),
            create("/zookeeper/quota/a/b/zookeeper_limits", b"count=9", -1),
            create("/zookeeper/quota/a/b/zookeeper_stats", b"", -1),
            create("/a/b/c", b"1", -1),
        ];
        run(&mut tree, 20, &txns);
        assert_eq!(
            text(&tree, "/zookeeper/quota/a/b/zookeeper_stats"),
            "count=2,bytes=4"
        );
        assert_eq!(text(&tree, STATS), "count=2,bytes=5");
        assert_eq!(tree.quota_over("/a/b").unwrap().path, "/a/b");
        run(
            &mut tree,
            30,
            &[delete("/zookeeper/quota/a/b/zookeeper_limits")],
        );
        run(&mut tree, 31, &[create("/a/b/d", b"1", -1)]);
        assert_eq!(
            text(&tree, "/zookeeper/quota/a/b/zookeeper_stats"),
            "count=2,bytes=4"
        );
        assert_eq!(
            text(&tree, STATS),
            "count=3,bytes=6",
            "from here on the outer one again"
        );
        assert_eq!(tree.quota_over("/a/b").unwrap().path, "/a");
    }

    #[test]
    fn a_quota_on_the_root_is_only_a_node() {
        let mut tree = tree();
        let txns = [
            create("/zookeeper/quota/zookeeper_limits", b"count=1", -1),
            create("/zookeeper/quota/zookeeper_stats", b"", -1),
            create("/a", b"1", -1),
            delete("/zookeeper/quota/zookeeper_limits"),
        ];
        run(&mut tree, 1, &txns);
        assert_eq!(tree.quota_over("/a"), None);
        assert_eq!(
            text(&tree, "/zookeeper/quota/zookeeper_stats"),
            "count=6,bytes=7"
        );
    }

    #[test]
    fn names_that_only_begin_like_the_quota_node_declare_nothing() {
        let mut tree = tree();
        let txns = [
            create("/zookeeper/quotas", b"", -1),
            create("/zookeeper/quotas/zookeeper_limits", b"count=1", -1),
            create("/s", b"", -1),
        ];
        run(&mut tree, 1, &txns);
        assert!(tree.quotas.paths.is_empty());
    }

    #[test]
    fn unreadable_text_stops_nothing_and_binds_nobody() {
        for (limits, stats) in [
            (&b"count=5"[..], &b"x=y"[..]),
            (b"\xff", b"count=2,bytes=5"),
        ] {
            let mut tree = with_quota();
            run(
                &mut tree,
                20,
                &[set_data(LIMITS, limits, 1), set_data(STATS, stats, 1)],
            );
            assert_eq!(tree.quota_over("/a"), None);
            run(&mut tree, 22, &[create("/a/c", b"", -1), delete("/a/c")]);
            assert_eq!(tree.find(STATS).unwrap().data(), Some(stats));
        }
    }

    #[test]
    fn a_missing_usage_node_is_no_usage() {
        let mut tree = with_quota();
        run(&mut tree, 20, &[delete(STATS), create("/a/c", b"", -1)]);
        assert_eq!(tree.quota_over("/a"), None);
        run(&mut tree, 22, &[create(STATS, b"", -1)]);
        assert_eq!(tree.quota_over("/a").map(|quota| quota.count), Some(3));
    }

    #[test]
    fn keys_that_clients_add_to_the_usage_stay() {
        let mut tree = with_quota();
        run(
            &mut tree,
            20,
            &[
                set_data(STATS, b"bytes=1,more=2", 1),
                create("/a/c", b"1", -1),
            ],
        );
        assert_eq!(text(&tree, STATS), "count=0,bytes=2=;more=2");
    }
}
