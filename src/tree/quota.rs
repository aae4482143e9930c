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
            self.edit(id, path, |node| node.set_data(Some(text.as_bytes())));
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
