//! The differential tester: what it finds on servers with planted faults, and that it finds nothing between Apache's server and
//! ours. `scripts/conformance.sh differential` plays more seeds.

mod doctor;

use anyhow::Result;
use compat_tests::differential::generator;
use compat_tests::differential::pair;
use compat_tests::differential::pair::Servers;
use compat_tests::differential::run;
use compat_tests::differential::run::Plan;
use compat_tests::differential::script::Script;
use compat_tests::differential::script::Step;
use compat_tests::server::Kind;
use compat_tests::server::kinds;
use compat_tests::wire::code;
use compat_tests::wire::op;

use crate::doctor::Doctored;
use crate::doctor::Treatment;

/// Steps of a script that has to find a planted fault.
const LENGTH: usize = 600;

/// Plays scripts to our server and to ours behind a proxy that falsifies frames, until one tells them apart; and shrinks it.
fn found(treatment: Treatment) -> Result<Script> {
    for seed in [4, 8, 12, 16] {
        let script = generator::script(seed, LENGTH);
        let start = || Doctored::start(script.house, treatment);
        let difference = pair::play(start()?.addresses(), &script)?;
        if let Some(difference) = difference {
            let (small, shown) = run::shrunk(start, &script, &difference)?;
            assert!(shown.is_some(), "it shows again: {small}");
            println!("seed {seed} shrinks to\n{small}");
            return Ok(small);
        }
    }
    anyhow::bail!("no script tells the servers apart")
}

fn last_kind(script: &Script) -> Option<i32> {
    script.steps.last().and_then(Step::kind)
}

/// Header fields of a frame that is a reply.
fn err(frame: &[u8]) -> Option<i32> {
    let bytes = frame.get(12..16)?.try_into().ok()?;
    Some(i32::from_be_bytes(bytes))
}

fn is_event(frame: &[u8], kind: i32) -> bool {
    frame.starts_with(&[0xff; 4]) && frame.get(16..20) == Some(&kind.to_be_bytes())
}

#[test]
fn a_wrong_error_is_found_and_shrinks_to_the_request() -> Result<()> {
    let small = found(|frame| {
        if frame.len() == 16 && err(frame) == Some(code::BAD_VERSION) {
            frame[12..16].copy_from_slice(&code::NO_NODE.to_be_bytes());
        }
        true
    })?;
    // The session, perhaps a node, and the request with the wrong version.
    assert!(small.steps.len() <= 3, "{small}");
    let kinds = [op::SET_DATA, op::DELETE, op::SET_ACL];
    assert!(
        last_kind(&small).is_some_and(|kind| kinds.contains(&kind)),
        "{small}"
    );
    Ok(())
}

#[test]
fn a_lost_event_is_found_and_shrinks_to_the_watch() -> Result<()> {
    let small = found(|frame| !is_event(frame, op::CHILDREN_CHANGED))?;
    // A session that watches, and one that changes something; often they are one.
    assert!((3..=5).contains(&small.steps.len()), "{small}");
    Ok(())
}

#[test]
fn a_stat_that_is_off_by_one_is_found() -> Result<()> {
    let small = found(|frame| {
        let length = frame.len();
        // Only pzxid ends a reply to exists, setData and setACL.
        if length == 16 + 68 && !frame.starts_with(&[0xff; 4]) {
            frame[length - 1] ^= 1;
        }
        true
    })?;
    assert!(small.steps.len() <= 3, "{small}");
    Ok(())
}

#[test]
fn a_connection_that_is_closed_is_found() -> Result<()> {
    let small = found(|frame| {
        if err(frame) == Some(code::NOT_EMPTY) {
            frame.clear();
        }
        true
    })?;
    let kinds = [op::DELETE, op::DELETE_CONTAINER];
    assert!(
        last_kind(&small).is_some_and(|kind| kinds.contains(&kind)),
        "{small}"
    );
    Ok(())
}

#[test]
fn without_a_fault_nothing_is_found() -> Result<()> {
    for seed in [1, 2, 3, 4] {
        let script = generator::script(seed, LENGTH);
        let servers = Doctored::start(script.house, |_| true)?;
        assert_eq!(
            pair::play(servers.addresses(), &script)?,
            None,
            "seed {seed}"
        );
    }
    Ok(())
}

#[test]
fn twenty_seeds_read_the_same_with_apaches_server_and_ours() -> Result<()> {
    if !kinds().contains(&Kind::Oxkeeper) {
        return Ok(());
    }
    let plan = Plan {
        kinds: [Kind::JAVA, Kind::Oxkeeper],
        seeds: 1..21,
        length: 2_000,
    };
    let found = run::run(&plan, |line| eprintln!("{line}"))?;
    assert!(found.reports.is_empty(), "{}", found.reports.join("\n"));
    assert_eq!(found.same, 20);
    Ok(())
}
