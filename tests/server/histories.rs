//! Random histories of several clients: the server must say what the model says, and come back from a
//! crash with what the model has.

use proptest::collection::vec;
use proptest::prelude::*;

use oxkeeper::types::OpCode;

use crate::ask::{Ask, How, List};
use crate::pair::Pair;

const CLIENTS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Send(usize, Vec<Ask>),
    Cut,
    Sync,
    Finish(usize),
    Settle,
    Pass(i64),
    Expire(usize),
    Reconnect(usize),
    Open(usize),
    Snapshot(usize),
    Crash(usize),
}

fn path() -> impl Strategy<Value = String> {
    let usual = prop::sample::select(vec!["/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/c", "/b/a/d"]);
    let odd = prop::sample::select(vec!["/", "/a/", "/a//b", "a", "/c/../d", "/zookeeper"]);
    prop_oneof![20 => usual, 1 => odd].prop_map(str::to_owned)
}

fn readable_path() -> impl Strategy<Value = String> {
    path().prop_filter("its reading is another test's", |path| path != "/zookeeper")
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![6 => Just(-1), 3 => 0..3, 1 => Just(-2)]
}

fn list() -> impl Strategy<Value = List> {
    prop_oneof![
        12 => Just(List::World(31)),
        2 => Just(List::World(1)),
        1 => (0..32).prop_map(List::World),
        2 => Just(List::Mine(31)),
        1 => (0..32).prop_map(List::Mine),
        1 => Just(List::Empty),
    ]
}

fn how() -> impl Strategy<Value = How> {
    let of = |op, flags, ttl| Just(How { op, flags, ttl });
    prop_oneof![
        6 => of(OpCode::Create, 0, -1),
        2 => of(OpCode::Create2, 0, -1),
        3 => of(OpCode::Create, 1, -1),
        2 => of(OpCode::Create2, 2, -1),
        2 => of(OpCode::Create, 3, -1),
        2 => of(OpCode::CreateContainer, 4, -1),
        2 => of(OpCode::CreateTtl, 5, 50_000),
        1 => of(OpCode::CreateTtl, 5, 0),
    ]
}

fn change() -> impl Strategy<Value = Ask> {
    let data = prop::sample::select(vec!["", "x", "yy"]).prop_map(str::to_owned);
    prop_oneof![
        6 => (how(), path(), data.clone(), list()).prop_map(|(h, p, d, l)| Ask::Create(h, p, d, l)),
        4 => (path(), version()).prop_map(|(p, v)| Ask::Delete(p, v)),
        4 => (path(), data, version()).prop_map(|(p, d, v)| Ask::Set(p, d, v)),
    ]
}

fn write() -> impl Strategy<Value = Ask> {
    let check = (path(), version()).prop_map(|(p, v)| Ask::Check(p, v));
    let part = prop_oneof![5 => change(), 1 => check];
    prop_oneof![
        10 => change(),
        2 => (path(), list(), version()).prop_map(|(p, l, v)| Ask::SetAcl(p, l, v)),
        4 => vec(part, 0..5).prop_map(Ask::Multi),
        1 => Just(Ask::Close),
    ]
}

fn read() -> impl Strategy<Value = Ask> {
    let path = readable_path;
    let paths = || vec(path(), 0..2);
    let part = prop_oneof![
        path().prop_map(|p| Ask::Get(p, false)),
        path().prop_map(|p| Ask::Ls(p, false)),
    ];
    let lists = [paths(), paths(), paths(), paths(), paths()];
    prop_oneof![
        4 => (path(), any::<bool>()).prop_map(|(p, w)| Ask::Get(p, w)),
        4 => (path(), any::<bool>()).prop_map(|(p, w)| Ask::Exists(p, w)),
        3 => (path(), any::<bool>()).prop_map(|(p, w)| Ask::Ls(p, w)),
        3 => (path(), any::<bool>()).prop_map(|(p, w)| Ask::Ls2(p, w)),
        1 => path().prop_map(Ask::GetAcl),
        1 => path().prop_map(Ask::Count),
        1 => path().prop_map(Ask::Ephemerals),
        1 => path().prop_map(Ask::Sync),
        1 => Just(Ask::WhoAmI),
        1 => Just(Ask::Ping),
        3 => (path(), 0..3).prop_map(|(p, m)| Ask::AddWatch(p, m)),
        1 => (path(), 0..7).prop_map(|(p, k)| Ask::CheckWatch(p, k)),
        1 => (path(), 0..7).prop_map(|(p, k)| Ask::RemoveWatch(p, k)),
        1 => (0..20_i64, lists).prop_map(|(z, l)| Ask::SetWatches(z, l)),
        1 => vec(part, 0..4).prop_map(Ask::MultiRead),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let client = || 0..CLIENTS;
    let ask = prop_oneof![write(), read()];
    prop_oneof![
        30 => (client(), vec(ask, 1..5)).prop_map(|(c, asks)| Step::Send(c, asks)),
        10 => Just(Step::Cut),
        10 => Just(Step::Sync),
        10 => (1..6_usize).prop_map(Step::Finish),
        4 => Just(Step::Settle),
        4 => (1..70_000_i64).prop_map(Step::Pass),
        1 => client().prop_map(Step::Expire),
        2 => client().prop_map(Step::Reconnect),
        2 => client().prop_map(Step::Open),
        4 => (1..8_usize).prop_map(Step::Snapshot),
        1 => (0..3_usize).prop_map(Step::Crash),
    ]
}

fn play(pair: &mut Pair, step: Step) {
    match step {
        Step::Send(client, asks) => pair.send(client, &asks),
        Step::Cut => pair.world.cut(),
        Step::Sync => {
            pair.world.sync();
        }
        Step::Finish(count) => {
            pair.finish(count);
        }
        Step::Settle => pair.settle(),
        Step::Pass(ms) => pair.pass(ms),
        Step::Expire(client) => pair.expire(client),
        Step::Reconnect(client) => pair.reconnect(client),
        Step::Open(client) => pair.open(client),
        Step::Snapshot(nodes) => pair.snapshot(nodes),
        Step::Crash(lucky) => pair.crash(lucky),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_history_is_the_models_and_survives_a_crash(steps in vec(step(), 1..80)) {
        let mut pair = Pair::new(CLIENTS);
        for step in steps {
            play(&mut pair, step);
        }
        pair.crash(1);
        pair.settle();
    }
}
