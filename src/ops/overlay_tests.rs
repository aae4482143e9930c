//! The overlay against a tree that runs ahead: what it says will be, will be.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::ops::test_desk::{
    Desk, create, create_record, delete, delete_record, set, set_acl, set_record, world,
};
use crate::proto::multi::MultiOp;
use crate::proto::request::Request;
use crate::tree::{Tree, TreeOptions};
use crate::types::{OpCode, Zxid};

const PATHS: [&str; 5] = ["/a", "/b", "/a/a", "/a/b", "/a/a/a"];

#[derive(Debug, Clone)]
enum Step {
    Create(usize, i32),
    Delete(usize),
    Set(usize),
    SetAcl(usize),
    Multi(Vec<(usize, bool)>),
    Close,
    Land,
}

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    prop_oneof![
        4 => (path.clone(), 0..4).prop_map(|(path, flags)| Step::Create(path, flags)),
        3 => path.clone().prop_map(Step::Delete),
        3 => path.clone().prop_map(Step::Set),
        1 => path.clone().prop_map(Step::SetAcl),
        2 => vec((path, any::<bool>()), 0..4).prop_map(Step::Multi),
        1 => Just(Step::Close),
        5 => Just(Step::Land),
    ]
}

/// Judges the step; whether a transaction came of it.
fn judge(desk: &mut Desk, step: &Step) -> bool {
    let open = world(31);
    let request = match step {
        Step::Create(path, flags) => create(PATHS[*path], *flags, &open),
        Step::Delete(path) => delete(PATHS[*path], -1),
        Step::Set(path) => set(PATHS[*path], b"set", -1),
        Step::SetAcl(path) => set_acl(PATHS[*path], &open, -1),
        Step::Close => Request::CloseSession,
        Step::Multi(parts) => {
            let part = |(path, sets): &(usize, bool)| match sets {
                true => MultiOp::SetData(set_record(PATHS[*path], b"part", -1)),
                false if path % 2 == 0 => MultiOp::Delete(delete_record(PATHS[*path], -1)),
                false => MultiOp::Create(OpCode::Create, create_record(PATHS[*path], 0, &open)),
            };
            Request::Multi(parts.iter().map(part).collect())
        }
        Step::Land => unreachable!("not a request"),
    };
    desk.ask(request).is_ok()
}

/// Every path looks through the overlay as it looks in the tree that ran ahead.
fn compare(desk: &Desk, ahead: &Tree) {
    assert_eq!(desk.overlay.digest(), ahead.digest());
    for path in ["/", "/a", "/b", "/a/a", "/a/b", "/a/a/a", "/nowhere"] {
        let foreseen = desk.overlay.get(&desk.tree, path);
        let node = ahead.find(path);
        assert_eq!(foreseen.is_some(), node.is_some(), "{path}");
        if let (Some(foreseen), Some(node)) = (foreseen, node) {
            assert_eq!(foreseen.stat(), node.persisted(), "{path}");
            assert_eq!(foreseen.children(), node.child_count(), "{path}");
            assert_eq!(foreseen.data(), node.data(), "{path}");
            assert_eq!(foreseen.acl(), node.acl(), "{path}");
        }
    }
}

proptest! {
    #[test]
    fn the_future_is_as_foreseen(steps in vec(step(), 1..60)) {
        let mut desk = Desk::new();
        let mut ahead = Tree::new(TreeOptions {
            digest: true,
            owner_rules: desk.rules.owners,
            hash_seed: 4,
        });
        for step in &steps {
            match step {
                Step::Land => {
                    desk.land_one();
                }
                step if judge(&mut desk, step) => desk.apply_newest_to(&mut ahead),
                _ => {}
            }
            compare(&desk, &ahead);
        }
        desk.land();
        prop_assert!(desk.overlay.is_empty());
        prop_assert_eq!(desk.overlay.entries().count(), 0);
        compare(&desk, &ahead);
    }
}

#[test]
fn a_slot_is_used_again_only_after_its_entry_is_gone() {
    let mut desk = Desk::new();
    let open = world(31);
    desk.ask(create("/a", 0, &open)).unwrap();
    desk.ask(set("/a", b"1", -1)).unwrap();
    assert!(desk.land_one());
    assert_eq!(
        desk.overlay.get(&desk.tree, "/a").unwrap().stat().version,
        1
    );
    desk.ask(create("/b", 0, &open)).unwrap();
    desk.land();
    assert_eq!(desk.overlay.entries().count(), 0);
}

#[test]
fn without_digests_nothing_is_computed() {
    let mut desk = Desk::new();
    desk.overlay = crate::ops::Overlay::new(5, false, 0);
    let tree = std::mem::replace(
        &mut desk.tree,
        Tree::new(TreeOptions {
            digest: false,
            owner_rules: desk.rules.owners,
            hash_seed: 3,
        }),
    );
    drop(tree);
    desk.done(create("/a", 0, &world(31)));
    assert_eq!(desk.overlay.digest(), 0);
    assert_eq!(desk.zxid, Zxid(1));
}
