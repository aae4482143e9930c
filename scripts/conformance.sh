#!/bin/sh
# Runs a foreign test suite against the release binary and compares with its table in compat-tests/suites.
#
#   scripts/conformance.sh apache                      every class that applies
#   scripts/conformance.sh apache --ci                 what CI runs of it (compat-tests/suites/apache.ci)
#   scripts/conformance.sh apache class ...            these; also such as the table leaves out
#
# --jobs N runs so many classes at once; most of them wait more than they work.
# COMPAT_SERVERS=java runs it against Apache's own server instead, to tell a weak test from a bug; both runs both.
set -eu
cd "$(dirname "$0")/.."
export COMPAT_SERVERS="${COMPAT_SERVERS:-oxkeeper}"
[ -n "${OXKEEPER_BIN:-}" ] || cargo build --release --quiet
exec cargo run --quiet -p compat-tests --bin conformance -- "$@"
