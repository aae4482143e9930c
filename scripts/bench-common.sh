# What the benchmark scripts share: sourced by them, from the root of the repository.
# They set `root`, the folder for results and data.

readonly apache=3.9.5 java_project=compat-tests/java/zookeeper

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || fail "needs $tool: not found"
    done
}

gone() {
    local state
    state=$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null) || return 0
    [[ $state == Z ]]
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port below those that the system hands to clients, on which nobody listens.
free_port() {
    local candidate
    while candidate=$((20000 + RANDOM % 10000)) && listens "$candidate"; do :; done
    echo "$candidate"
}

# Percent of the processors' time that nobody used in the last second: a busy machine spoils the numbers.
idle_percent() {
    { grep '^cpu ' /proc/stat && sleep 1 && grep '^cpu ' /proc/stat; } |
        awk '{ total = 0; for (i = 2; i <= 9; i++) total += $i
               if (NR == 2) printf "%d", 100 * ($5 + $6 - idle) / (total - before)
               idle = $5 + $6; before = total }'
}

# Sets `oxkeeper`, the binary of ours, built if need be.
find_oxkeeper() {
    if [[ -n ${OXKEEPER_BIN:-} ]]; then
        oxkeeper=$OXKEEPER_BIN
    else
        say "building"
        cargo build --release --quiet --bin oxkeeper
        oxkeeper=${CARGO_TARGET_DIR:-$PWD/target}/release/oxkeeper
    fi
}

# Sets `jars`, the class path of Apache's server.
find_java() {
    mvn -q -B -f "$java_project/pom.xml" "-Dzookeeper.version=$apache" dependency:build-classpath \
        "-Dmdep.outputFile=$root/jars" >&2
    jars=$(<"$root/jars")
}
