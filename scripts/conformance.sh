#!/bin/sh
# Runs what others have written for Apache's server against the release binary.
#
#   scripts/conformance.sh apache [--jobs N] [--ci | class ...]
#       Apache's own test classes, compared with their table in compat-tests/suites: all that apply, what CI runs
#       (suites/apache.ci), or these; N at once, since most of them wait more than they work
#   scripts/conformance.sh curator|kazoo [--jobs N] [--ci | row ...]
#       the same for the tests of Curator (framework/org.apache.curator...) and kazoo (test_lock, observers/test_lock)
#   scripts/conformance.sh differential [SEEDS [FIRST]] | --replay FILE | --print SEED
#       random scripts of 2,000 steps, to Apache's server and ours in lock step; what differs is shrunk and kept
#   scripts/conformance.sh clients [NAME ...]
#       clients in other languages: their own tests, or a scenario with every operation that they have
#
# COMPAT_SERVERS=java runs a suite or a client against Apache's own server instead, to tell a weak test from a bug; both runs both.
set -eu
cd "$(dirname "$0")/.."
export COMPAT_SERVERS="${COMPAT_SERVERS:-oxkeeper}"
[ -n "${OXKEEPER_BIN:-}" ] || cargo build --release --quiet
program=conformance
case "${1:-}" in
    differential | clients)
        program=$1
        shift
        ;;
esac
exec cargo run --quiet -p compat-tests --bin "$program" -- "$@"
