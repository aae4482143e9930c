//! Random changes for the tests of this room, as steps that say what is wanted; versions come later.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::proto::shared;
use crate::proto::txn::{CreateContainerTxn, CreateTtlTxn, CreateTxn, Txn};
use crate::types::{Acl, OpCode, Perms, open_acl, read_acl};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Create(String, Option<Vec<u8>>, Vec<Acl>, Kind),
    Delete(String),
    SetData(String, Option<Vec<u8>>),
    SetAcl(String, Vec<Acl>),
    Close(i64),
    Multi(Vec<Step>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Persistent,
    Ephemeral,
    Container,
    Ttl(i64),
}

/// Sessions that take part.
pub(crate) const CLIENTS: std::ops::Range<i64> = 1..4;

pub(crate) fn create_txn<'a>(
    path: &'a str,
    data: Option<&'a [u8]>,
    acl: &'a [Acl],
    kind: Kind,
    parent_cversion: i32,
) -> Txn<'a> {
    let path = Cow::Borrowed(path);
    let acl = Some(shared::acl_records(acl));
    match kind {
        Kind::Container => Txn::CreateContainer(CreateContainerTxn {
            path,
            data,
            acl,
            parent_cversion,
        }),
        Kind::Ttl(ttl) => Txn::CreateTtl(CreateTtlTxn {
            path,
            data,
            acl,
            parent_cversion,
            ttl,
        }),
        Kind::Persistent | Kind::Ephemeral => {
            let txn = CreateTxn {
                path,
                data,
                acl,
                ephemeral: matches!(kind, Kind::Ephemeral),
                parent_cversion,
            };
            Txn::Create(OpCode::Create2, txn)
        }
    }
}

/// Few names, so that steps meet.
fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "ü", "zookeeper", "config"]);
    prop::collection::vec(name, 1..4).prop_map(|names| {
        let parts = names.into_iter().map(|name| format!("/{name}"));
        parts.collect()
    })
}

fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..4))
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let ip = |id: u8| vec![Acl::new(Perms::ALL, "ip", id.to_string())];
    prop_oneof![
        3 => Just(open_acl()),
        1 => Just(read_acl()),
        1 => (0u8..3).prop_map(ip),
        1 => Just(Vec::new()),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::Persistent),
        2 => Just(Kind::Ephemeral),
        1 => Just(Kind::Container),
        1 => (1i64..20).prop_map(Kind::Ttl),
    ]
}

/// Any single change, the end of a session, or a multi.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let single = prop_oneof![
        6 => (path(), data(), acl(), kind()).prop_map(|(p, d, a, k)| Step::Create(p, d, a, k)),
        3 => path().prop_map(Step::Delete),
        3 => (path(), data()).prop_map(|(p, d)| Step::SetData(p, d)),
        2 => (path(), acl()).prop_map(|(p, a)| Step::SetAcl(p, a)),
    ];
    let single = single.boxed();
    prop_oneof![
        8 => single.clone(),
        1 => CLIENTS.prop_map(Step::Close),
        1 => distinct(single),
    ]
}

/// A multi whose parts touch different nodes, for the model computes their versions beforehand.
fn distinct(single: impl Strategy<Value = Step>) -> impl Strategy<Value = Step> {
    let target = |step: &Step| match step {
        Step::Create(path, ..) | Step::Delete(path) => path.clone(),
        Step::SetData(path, _) | Step::SetAcl(path, _) => path.clone(),
        Step::Close(_) | Step::Multi(_) => String::new(),
    };
    prop::collection::vec(single, 0..4).prop_map(move |steps| {
        let steps = steps.into_iter().map(|step| (target(&step), step));
        let steps = steps.collect::<BTreeMap<_, _>>();
        Step::Multi(steps.into_values().collect())
    })
}
