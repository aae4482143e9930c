//! Members of Apache's older releases with ours: they elect each other, replicate to each other, and bring each other
//! up to date with single transactions, with snapshots and by truncation, in both directions.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use compat_tests::java::{ClassPath, Project};

use crate::member::Launch;
use crate::{catching_up, java_of, ours, replication};

static OF_3_7: LazyLock<ClassPath> =
    LazyLock::new(|| Project::apache("3.7.2").build().expect("Apache's server"));
static OF_3_8: LazyLock<ClassPath> =
    LazyLock::new(|| Project::apache("3.8.6").build().expect("Apache's server"));

fn java_3_7(settings: &Path) -> Command {
    java_of(&OF_3_7, settings)
}

fn java_3_8(settings: &Path) -> Command {
    java_of(&OF_3_8, settings)
}

/// What all mixes of a release go through.
fn together(programs: &[Launch; 3]) {
    replication::everybody_serves(programs);
    catching_up::everything_was_lost(programs);
    catching_up::what_nobody_agreed_on_goes(programs);
}

#[test]
fn two_of_3_7_led_by_ours() {
    together(&[java_3_7, java_3_7, ours]);
}

#[test]
fn two_of_ours_led_by_3_7() {
    together(&[ours, ours, java_3_7]);
}

#[test]
fn two_of_3_8_led_by_ours() {
    together(&[java_3_8, java_3_8, ours]);
}

#[test]
fn two_of_ours_led_by_3_8() {
    together(&[ours, ours, java_3_8]);
}
