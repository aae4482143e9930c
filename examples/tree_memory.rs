//! How much memory a node takes and how fast the tree is: a million nodes of 100 bytes, 1,000 under
//! each of 1,000 parents. Linux only: it reads its own resident size.
//!
//! `cargo run --release --example tree_memory`

use std::borrow::Cow;
use std::fs;
use std::hint::black_box;

use oxkeeper::proto::txn::{CreateTxn, SetDataTxn, Txn, TxnHeader};
use oxkeeper::tree::walk::SnapshotWalk;
use oxkeeper::tree::{Applied, Loader, NodeRef, Tree, TreeOptions};
use oxkeeper::types::{OpCode, OwnerRules};

const PARENTS: usize = 1000;
const CHILDREN: usize = 1000;
const DATA: [u8; 100] = [b'x'; 100];
/// Nodes per slice of a walk.
const SLICE: usize = 512;
/// The access list of every node here, as snapshots number it.
const OPEN_ACL: i64 = -1;
const PAGE_BYTES: u64 = 4096;
const BYTES_PER_NODE_MAX: u64 = 260;

fn header(zxid: usize) -> TxnHeader {
    TxnHeader {
        client_id: 1,
        cxid: 0,
        zxid: i64::try_from(zxid).expect("few transactions"),
        time: 1_700_000_000_000,
        kind: 1,
    }
}

fn create(tree: &mut Tree, path: &str, zxid: usize) {
    let txn = CreateTxn {
        path: Cow::Borrowed(path),
        data: Some(&DATA),
        acl: None,
        ephemeral: false,
        parent_cversion: -1,
    };
    let applied = tree.apply(&header(zxid), &Txn::Create(OpCode::Create, txn), &mut ());
    assert!(matches!(applied, Applied::Created(_)), "{applied:?}");
}

fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("statm has numbers") * PAGE_BYTES
}

fn fill(tree: &mut Tree) {
    let mut path = String::new();
    for parent in 0..PARENTS {
        path.clear();
        path.push_str(&format!("/parent-{parent:03}"));
        create(tree, &path, tree.node_count());
        let len = path.len();
        for child in 0..CHILDREN {
            path.truncate(len);
            path.push_str("/child-");
            path.push_str(&format!("{child:04}"));
            create(tree, &path, tree.node_count());
        }
    }
}

/// Runs `work` on every child once, in an order that caches do not like.
fn each_child(mut work: impl FnMut(&str)) {
    let mut path = String::new();
    for at in 0..PARENTS * CHILDREN {
        let at = at * 7_368_787 % (PARENTS * CHILDREN);
        path.clear();
        path.push_str("/parent-000/child-0000");
        let (parent, child) = (at / CHILDREN, at % CHILDREN);
        path.replace_range(8..11, &three(parent));
        path.replace_range(19..22, &three(child));
        work(&path);
    }
}

fn three(number: usize) -> String {
    format!("{number:03}")
}

/// Nanoseconds that this thread ran: unlike the clock, not those in which others did.
fn cpu_nanos() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").expect("this is Linux");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.expect("schedstat has numbers")
}

fn timed(what: &str, count: usize, work: impl FnOnce()) {
    let start = cpu_nanos();
    work();
    let nanos = (cpu_nanos() - start) / count as u64;
    println!("{what:<28} {nanos:>6} ns each");
}

fn measure() {
    let options = TreeOptions {
        digest: true,
        owner_rules: OwnerRules::default(),
        hash_seed: 42,
    };
    let total = PARENTS * CHILDREN;
    let before = resident_bytes();
    let mut tree = Tree::new(options);
    timed("create", total, || fill(&mut tree));
    let nodes = tree.node_count() as u64;
    let per_node = (resident_bytes() - before) / nodes;
    println!("{nodes} nodes, {per_node} bytes resident per node");
    assert!(
        per_node <= BYTES_PER_NODE_MAX,
        "{per_node} bytes per node are too many"
    );

    timed("making paths alone", total, || {
        each_child(|path| {
            black_box(path);
        })
    });
    timed("find, data and stat", total, || {
        each_child(|path| {
            let node = tree.find(path).expect("it was made");
            black_box((node.data(), node.stat()));
        });
    });
    let mut zxid = tree.node_count();
    timed("setData", total, || {
        each_child(|path| {
            zxid += 1;
            let txn = SetDataTxn {
                path: Cow::Borrowed(path),
                data: Some(&DATA),
                version: 1,
            };
            tree.apply(&header(zxid), &Txn::SetData(OpCode::SetData, txn), &mut ());
        });
    });
    let mut walk = SnapshotWalk::start(&mut tree);
    timed("snapshot walk", total, || {
        while walk.next_slice(&tree, SLICE, &mut |path, node| {
            black_box((path, node.data(), node.persisted()));
        }) {}
    });
    walk.finish(&mut tree);
    timed("snapshot walk and load", total, || {
        black_box(reload(&mut tree, options));
    });
}

/// A second tree, made of what a snapshot of the first would hold.
fn reload(tree: &mut Tree, options: TreeOptions) -> Tree {
    let mut loader = Loader::new(options);
    let mut walk = SnapshotWalk::start(tree);
    let mut load = |path: &str, node: NodeRef<'_>| {
        let loaded = loader.node(path, node.data(), OPEN_ACL, &node.persisted());
        loaded.expect("a walk makes a tree");
    };
    while walk.next_slice(tree, SLICE, &mut load) {}
    walk.finish(tree);
    loader.finish()
}

fn main() {
    measure();
}
