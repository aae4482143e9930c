#!/usr/bin/env bash
# Fuzzes every decoder and the pipeline, with libFuzzer, on the pinned stable toolchain.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]    each target for so long (default: 25 s); all targets by default
#
# Targets: record frame handshake peer election log_scan snapshot pipeline. What was learnt stays in
# target/fuzz/corpus; an input that fails goes to target/fuzz/failed, and is tried again with:
# scripts/fuzz.sh 0 TARGET FILE. See docs/fuzzing.md.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=${1:-25}
(($#)) && shift
[[ $seconds =~ ^[0-9]+$ ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2; }

base=${CARGO_TARGET_DIR:-$PWD/target}
[[ $base == /* ]] || base=$PWD/$base
readonly out=$base/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# What libFuzzer wants to know about the code it drives, as cargo-fuzz asks for it with `--sanitizer none`: safe
# Rust has no use for a sanitizer, and without one no nightly compiler is needed. `--target` keeps the flags away
# from build scripts.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg=fuzzing"
CARGO_TARGET_DIR=$out cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host" || exit 1
readonly programs=$out/$host/release

if ((seconds == 0)); then
    exec "$programs/$1" "${@:2}"
fi
targets=("$@")
((${#targets[@]})) || targets=(record frame handshake peer election log_scan snapshot pipeline)

failed=()
for name in "${targets[@]}"; do
    mkdir -p "$out/corpus/$name" "$out/failed" || exit 1
    # No input may take a second, 64 MiB at once or half a GiB in all.
    "$programs/$name" "$out/corpus/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=512 \
        -malloc_limit_mb=64 -artifact_prefix="$out/failed/$name-" -print_final_stats=1 >"$out/$name.log" 2>&1 \
        </dev/null
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
    covered=$(grep -o 'cov: [0-9]*' "$out/$name.log" | tail -n 1)
    printf '%-10s %12s inputs  %s\n' "$name" "${runs:-0}" "$covered"
    ((status == 0)) && continue
    failed+=("$name")
    grep -A 3 panicked "$out/$name.log" >&2
    grep -E '^(SUMMARY|artifact_prefix)' "$out/$name.log" >&2
done
((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2 && exit 1; }
