#!/usr/bin/env bash
# Simulates whole ensembles, one for each seed, on all cores. See docs/simulator.md.
#
#   scripts/simulate.sh [SEEDS [FIRST]]          so many seeds (default: 2000) from this one on (default: 1)
#   scripts/simulate.sh replay SEED [MUTANT]     one seed, with everything that happens in it
#
# SIM_PROFILE names cargo's profile (default: sim, optimised and with all assertions).
# A seed that fails is made smaller and printed with its trace. Everything it makes is under target/.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

number() { [[ $1 =~ ^[0-9]+$ ]] || usage; }

test=no_seed_breaks_a_law
if [[ ${1:-} == replay ]]; then
    (($# == 2 || $# == 3)) || usage
    number "$2"
    test=a_seed_replays_exactly
    export SIM_SEED=$2
    (($# < 3)) || export SIM_MUTANT=$3
else
    (($# <= 2)) || usage
    number "${1:-2000}"
    number "${2:-1}"
    export SIM_SEEDS=${1:-2000} SIM_FIRST=${2:-1}
fi

# A failing seed says what there is to say; a backtrace of the test would add nothing.
RUST_BACKTRACE=0 exec cargo test --quiet --profile "${SIM_PROFILE:-sim}" --test sim -- --nocapture "$test"
