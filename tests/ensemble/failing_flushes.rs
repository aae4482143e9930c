//! Disks that fail to flush: what is not kept is not acknowledged.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::leaders::{Load, is_kept};
use crate::member::Launch;
use crate::{program, wait};

/// The library that makes flushes fail, and where it is.
static SHIM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("failing_flush.so");
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/ensemble/failing_flush.c"
    );
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut compile = Command::new(compiler);
    compile.args(["-shared", "-fPIC", "-o"]).arg(&library);
    let status = compile.arg(source).status();
    let status = status.expect("a C compiler, `cc` or what CC names, to make flushes fail");
    assert!(status.success(), "{source} compiles");
    (dir, library)
});

/// While this file exists, the flushes of the member with these settings fail.
fn flag(settings: &Path) -> PathBuf {
    settings.with_file_name("flushes-fail")
}

fn fallible(settings: &Path) -> Command {
    let mut command = program(settings);
    command.env("LD_PRELOAD", &SHIM.1);
    command.env("FLUSHES_FAIL", flag(settings));
    command
}

#[test]
fn a_failed_flush_of_a_follower_ends_it_alone() {
    failed_flush(false);
}

#[test]
fn a_failed_flush_of_the_leader_ends_its_reign() {
    failed_flush(true);
}

fn failed_flush(leads: bool) {
    let mut cluster = Cluster::of(&[fallible as Launch; 3], 3, "");
    cluster.start_all();
    let leader = cluster.settle();
    let failing = if leads { leader } else { leader % 3 + 1 };
    let others: Vec<i64> = (1..=3).filter(|id| *id != failing).collect();
    let clients = cluster.members.values();
    let clients = clients.map(|member| member.places.client).collect();
    let load = Load::start("load", clients);
    load.goes_on(50);
    let flag = flag(&cluster.members[&failing].dir.join("zoo.cfg"));
    fs::write(&flag, "").unwrap();
    wait("the member ends", || {
        cluster.members[&failing].says("the server stops, since it can")
    });
    assert_eq!(cluster.member(failing).ended().code(), Some(1));
    assert!(!cluster.members[&failing].says("panicked"));
    cluster.settle_among(&others);
    load.goes_on(50);
    fs::remove_file(flag).unwrap();
    cluster.member(failing).start();
    cluster.settle();
    load.goes_on(50);
    is_kept(&cluster, &load.stop());
}
