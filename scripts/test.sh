#!/usr/bin/env bash
# Everything that CI runs, in one command, from a fresh clone: format, lints, unit and whole-server tests,
# documentation, the release build, foreign clients against it, fuzzing and a look at the load generator.
#
#   scripts/test.sh            everything; about half an hour on two cores the first time
#   scripts/test.sh NAME...    only these sections: tools format lints tests simulate docs release compat conformance
#                              fuzz bench
#
# Needs: Rust (rust-toolchain.toml names the release), a C++ compiler, a JDK of 17 or newer, Maven, Python 3 with
# venv. On Debian, as root, what is missing is installed. Crates, jars and wheels come through cargo, mvn and pip.
#
#   COMPAT_SERVERS=both        foreign clients also against Apache's server (default: oxkeeper)
#   FUZZ_SECONDS=25            for each fuzz target
#
# Everything it makes is under target/. It goes on after a section that failed, and fails at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

readonly ALL=(tools format lints tests simulate docs release compat conformance fuzz bench)
readonly JDK_MIN=17
# What hangs must not hang CI for ever. Minutes.
readonly COMPAT_LIMIT=20
target=${CARGO_TARGET_DIR:-$PWD/target}
[[ $target == /* ]] || target=$PWD/$target
readonly target
readonly logs=$target/test-logs
export COMPAT_SERVERS=${COMPAT_SERVERS:-oxkeeper} CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

complain() { printf '%s\n' "$*" >&2; }

# --- sections -----------------------------------------------------------------------------------------

tools() {
    local missing=() packages=()
    if ! cargo --version >&2; then
        complain "Rust is missing. Install rustup (https://rustup.rs); it reads rust-toolchain.toml."
        return 1
    fi
    cargo fmt --version >&2 || missing+=("rustfmt: rustup component add rustfmt")
    cargo clippy --version >&2 || missing+=("clippy: rustup component add clippy")
    has_jdk || packages+=(openjdk-17-jdk-headless)
    command -v mvn >/dev/null || packages+=(maven)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    command -v c++ >/dev/null || packages+=(g++)
    ((${#packages[@]} == 0)) || install "${packages[@]}"
    has_jdk || missing+=("a JDK of $JDK_MIN or newer with javac (Debian: openjdk-17-jdk-headless)")
    command -v mvn >/dev/null || missing+=("Maven (Debian: maven)")
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=("Python 3 with venv (Debian: python3-venv)")
    command -v c++ >/dev/null || missing+=("a C++ compiler, for the fuzzer (Debian: g++)")
    ((${#missing[@]} == 0)) && return 0
    complain "Please install:"
    printf '  %s\n' "${missing[@]}" >&2
    return 1
}

# javac, not java: some tests compile Java programs. The number before the first dot.
has_jdk() {
    local version
    version=$(javac -version 2>&1) || return 1
    version=${version#javac }
    ((${version%%[!0-9]*} >= JDK_MIN))
}

install() {
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        return
    fi
    complain "Installing $*"
    {
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >"$logs/apt.log" 2>&1 || tail -n 20 "$logs/apt.log" >&2
}

format() {
    local script
    cargo fmt --all --check || return 1
    cargo fmt --manifest-path fuzz/Cargo.toml --check || return 1
    for script in scripts/*.sh; do
        bash -n "$script" || return 1
    done
}

lints() {
    cargo clippy --quiet --workspace --all-targets -- -D warnings &&
        CARGO_TARGET_DIR=$target cargo clippy --quiet --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings
}

tests() {
    cargo test --quiet --workspace --exclude compat-tests --no-run &&
        counted cargo test --workspace --exclude compat-tests --no-fail-fast
}

# In the profile of the other tests: 2,000 seeds take less time than building everything once more.
simulate() {
    SIM_PROFILE=dev counted scripts/simulate.sh 2000
}

docs() {
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --quiet --workspace --no-deps --document-private-items
}

release() {
    cargo build --quiet --release && "$target/release/oxkeeper" version
}

compat() {
    export OXKEEPER_BIN=$target/release/oxkeeper
    cargo test --quiet -p compat-tests --no-run &&
        counted timeout --kill-after=30 "${COMPAT_LIMIT}m" cargo test -p compat-tests --no-fail-fast
}

# A little of each foreign suite; all of each takes an hour.
conformance() {
    local suite status=0
    export OXKEEPER_BIN=$target/release/oxkeeper
    for suite in apache curator kazoo; do
        timeout --kill-after=30 "${COMPAT_LIMIT}m" scripts/conformance.sh "$suite" --jobs 3 --ci || status=1
    done
    return "$status"
}

fuzz() {
    scripts/fuzz.sh "${FUZZ_SECONDS:-25}"
}

# Does the load generator still work, and the server under it? How fast is never asked here.
bench() {
    local dir status=0 server address scenario
    dir=$(mktemp -d "$target/bench-smoke.XXXXXX") || return 1
    printf 'dataDir=%s\nclientPort=0\nclientPortAddress=127.0.0.1\n' "$dir/data" >"$dir/zoo.cfg"
    "$target/release/oxkeeper" server "$dir/zoo.cfg" >"$dir/log" 2>&1 &
    server=$!
    if address=$(address_in "$dir/log" "$server"); then
        for scenario in read write create mixed multi watch sessions; do
            timeout 60 "$target/release/oxkeeper" bench "$scenario" --quiet --server "$address" \
                --duration 500ms --warmup 100ms $(small "$scenario") || status=1
        done
    else
        status=1
    fi
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    ((status == 0)) || tail -n 20 "$dir/log" >&2
    rm -rf "$dir"
    return "$status"
}

small() {
    case $1 in
        watch) echo --watchers 20 ;;
        sessions) echo --connections 4 ;;
        *) echo --connections 4 --depth 4 --keys 100 ;;
    esac
}

# The address a server says that it listens on, once it does.
address_in() {
    local tries address
    for ((tries = 0; tries < 300; tries++)); do
        address=$(sed -n 's/.*binding to port \([0-9.]*:[0-9]*\).*/\1/p' "$1")
        [[ -n $address ]] && echo "$address" && return
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# --- running them -------------------------------------------------------------------------------------

# Runs a command and keeps what test runners said at their ends.
counted() {
    "$@" 2>&1 | tee "$logs/last.log"
    local status=${PIPESTATUS[0]}
    grep '^test result:' "$logs/last.log" >>"$logs/results"
    ((status != 124)) || complain "stopped: it took too long"
    return "$status"
}

summary() {
    [[ -s $logs/results ]] || return
    printf '\n=== test runners\n'
    cat "$logs/results"
    awk '{ for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1)
           if ($i ~ /^ignored/) s += $(i - 1) } } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' \
        "$logs/results"
}

sections=("$@")
((${#sections[@]})) || sections=("${ALL[@]}")
for section in "${sections[@]}"; do
    [[ " ${ALL[*]} " == *" $section "* ]] || { complain "no section $section: ${ALL[*]}" && exit 2; }
done
mkdir -p "$logs" && : >"$logs/results" || exit 1

failed=()
for section in "${sections[@]}"; do
    printf '\n=== %s (%s)\n' "$section" "$(date -u +%T)"
    "$section" </dev/null && continue
    failed+=("$section")
    complain "--- $section failed"
    # Nothing after these can work without them.
    [[ $section == tools || $section == release ]] && break
done
summary
if ((${#failed[@]})); then
    printf '\nFAILED: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nAll sections passed: %s\n' "${sections[*]}"
