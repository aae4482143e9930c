//! The command line: arguments, settings file, logging, exit code.

fn main() {}
