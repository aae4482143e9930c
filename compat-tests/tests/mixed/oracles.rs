//! Two voters with an oracle, of either kind.

use std::path::Path;
use std::process::Command;

use crate::oracle::one_of_two_goes_on;
use crate::{java, ours};

/// Started where its settings file is: the oracle is beside it.
fn at_home(mut command: Command, settings: &Path) -> Command {
    command.current_dir(settings.parent().expect("a file is in a directory"));
    command
}

#[test]
fn of_apaches() {
    one_of_two_goes_on(|settings| at_home(java(settings), settings));
}

#[test]
fn of_ours() {
    one_of_two_goes_on(|settings| at_home(ours(settings), settings));
}
