#!/usr/bin/env bash
# Compares our server with Apache's Java server, on this machine, in turn.
#
#   scripts/bench.sh [quick|full] [--rounds N] [--redis]
#
# quick: about two minutes, one short round and a small tree; the page goes to target/bench/quick.
# full:  about twenty minutes, three rounds and a million znodes; writes docs/benchmarks.md and its plots.
# --redis adds GET and SET of a Redis that flushes every SET, for a sense of scale.
#
# Needs java and mvn (Apache's server comes from Maven's repository), and for --redis redis-server and
# redis-benchmark. Results of every run stay in target/bench. OXKEEPER_BIN names another binary of ours.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

mode=quick rounds="" redis=""
while (($#)); do
    case $1 in
        quick | full) mode=$1 ;;
        --rounds) rounds=${2:?--rounds needs a number} && shift ;;
        --redis) redis=yes ;;
        *) usage ;;
    esac
    shift
done

case $mode in
    quick)
        : "${rounds:=1}"
        warmup=1 duration=3 parents=100 children=1000 idle=2000 starts=2
        ;;
    full)
        : "${rounds:=3}"
        warmup=2 duration=10 parents=1000 children=1000 idle=10000 starts=5
        ;;
esac
[[ $rounds =~ ^[1-9][0-9]*$ ]] || usage

readonly root=$PWD/target/bench
readonly out=$root/$mode
subjects=(oxkeeper java)
declare -A pid=() port=()

. scripts/bench-common.sh

# --- servers ------------------------------------------------------------------------------------------

stop() {
    local server=$1 signal=${2:-TERM} step
    local process=${pid[$server]:-}
    [[ -n $process ]] || return 0
    kill "-$signal" "$process" 2>/dev/null || true
    for ((step = 0; step < 300; step++)); do
        if gone "$process"; then
            unset "pid[$server]"
            return 0
        fi
        sleep 0.1
    done
    say "$server did not stop in 30 s: killed"
    kill -KILL "$process" 2>/dev/null || true
    unset "pid[$server]"
}

stop_all() {
    local server
    for server in "${!pid[@]}"; do stop "$server" KILL; done
    rm -rf "$root/data"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

fresh() {
    stop "$1"
    rm -rf "${root:?}/data/$1"
    mkdir -p "$root/data/$1"
    port[$1]=$(free_port)
    cat >"$root/data/$1/zoo.cfg" <<CFG
dataDir=$root/data/$1/data
clientPort=${port[$1]}
clientPortAddress=127.0.0.1
tickTime=2000
maxClientCnxns=0
forceSync=yes
admin.enableServer=false
CFG
}

# start SERVER [CASE.ROUND [HEAP]]: on the directory that `fresh` made, or again on what is there.
start() {
    local server=$1 result=${2:-} heap=${3:-1000m} command
    local cfg=$root/data/$server/zoo.cfg json=$root/data/$server/start.json
    case $server in
        oxkeeper) command=("$oxkeeper" server "$cfg") ;;
        java)
            command=(java "-Xmx$heap" -cp "$java_project:$jars"
                org.apache.zookeeper.server.quorum.QuorumPeerMain "$cfg")
            ;;
    esac
    "$oxkeeper" bench start --quiet --server "127.0.0.1:${port[$server]}" --json "$json" \
        --log "$root/$server.log" -- "${command[@]}" >/dev/null ||
        fail "$server does not start: see $root/$server.log"
    pid[$server]=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$json")
    if [[ -n $result ]]; then cp "$json" "$out/$server/$result.json"; fi
}

# bench SERVER CASE.ROUND SCENARIO [OPTION...]
bench() {
    local server=$1 result=$2
    shift 2
    "$oxkeeper" bench "$@" --quiet --server "127.0.0.1:${port[$server]}" \
        --server-pid "${pid[$server]}" --json "$out/$server/$result.json" |
        sed "s/^/$server $result: /" >&2
}

# --- what is measured ---------------------------------------------------------------------------------

# Every case on one server, then on the other; who goes first changes with the round.
cases() {
    local round=$1 server order=("${subjects[@]}")
    if ((round % 2 == 0)); then order=("${subjects[1]}" "${subjects[0]}"); fi
    local time=(--warmup "${warmup}s" --duration "${duration}s")
    local all=(
        "read-16 read --depth 16"
        "read-1 read --depth 1"
        "write-16 write --depth 16"
        "write-1 write --depth 1"
        "mixed-16 mixed --depth 16"
        "multi-4 multi --depth 4"
        "watch-once watch"
        "watch-persistent watch --persistent"
        "sessions sessions"
        "create-16 create --depth 16 --keep"
    )
    for server in "${order[@]}"; do
        fresh "$server"
        start "$server"
        # Java compiles what runs often: gives it the time to, before anything counts.
        "$oxkeeper" bench mixed --quiet --server "127.0.0.1:${port[$server]}" --warmup 0s \
            --duration "${duration}s" >/dev/null
    done
    local case name scenario
    for case in "${all[@]}"; do
        read -r name scenario <<<"$case"
        for server in "${order[@]}"; do
            # shellcheck disable=SC2086 # the scenario's options are words
            bench "$server" "$name.$round" $scenario "${time[@]}"
        done
    done
    for server in "${order[@]}"; do stop "$server"; done
}

starts() {
    local server round
    for ((round = 1; round <= starts; round++)); do
        for server in "${subjects[@]}"; do
            fresh "$server"
            start "$server" "start-empty.$round"
            stop "$server"
        done
    done
}

# A large tree: memory when it is loaded, then a restart on it.
tree() {
    local server heap=4g
    for server in "${subjects[@]}"; do
        fresh "$server"
        start "$server" "" "$heap"
        bench "$server" fill.1 fill --parents "$parents" --children "$children"
        stop "$server"
        start "$server" start-tree.1 "$heap"
        say "$server start-tree.1: $(sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' "$out/$server/start-tree.1.json") s"
        stop "$server"
        rm -rf "$root/data/$server"
    done
}

idle() {
    local server files
    files=$(ulimit -Hn)
    if [[ $files != unlimited ]] && ((files < idle + 200)); then
        idle=$((files - 200))
        say "the limit of open files allows $idle idle sessions"
    fi
    for server in "${subjects[@]}"; do
        fresh "$server"
        start "$server"
        bench "$server" idle.1 idle --sessions "$idle" --duration "${duration}s"
        stop "$server"
    done
}

# --- redis --------------------------------------------------------------------------------------------

cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# redis_case CASE.ROUND get|set DEPTH: the same load as ours, in the same form of result.
redis_case() {
    local result=$1 request=$2 depth=$3 ticks count before after line
    local load=(redis-benchmark -p "${port[redis]}" -t "$request" -c 50 -P "$depth" -d 100 -r 1000 --csv)
    local rate
    rate=$("${load[@]}" -n 50000 | tail -1 | cut -d, -f2 | tr -d '"')
    count=$(awk -v rate="$rate" -v time="$duration" 'BEGIN { printf "%d", rate * time }')
    ticks=$(getconf CLK_TCK)
    before=$(cpu_ticks "${pid[redis]}")
    # name, rate, then milliseconds: average, minimum, p50, p95, p99, maximum
    line=$("${load[@]}" -n "$count" | tail -1 | tr -d '"')
    after=$(cpu_ticks "${pid[redis]}")
    awk -F, -v unit="$request" -v count="$count" -v ticks="$((after - before))" -v hz="$ticks" '{
        cpu = ticks / hz
        printf "{\"scenario\": \"redis\", \"unit\": \"%s\", \"parameters\": {}, \"operations\": %d,", unit, count
        printf "\"seconds\": %f, \"per_second\": %f, \"client_cpu_seconds\": 0,", count / $2, $2
        printf "\"server\": {\"cpu_seconds\": %f, \"per_cpu_second\": %f,", cpu, count / cpu
        printf "\"resident_before\": 0, \"resident_after\": 0, \"resident_peak\": 0}}\n"
    }' <<<"$line" >"$out/redis/$result.json"
    say "redis $result: $line"
}

redis_cases() {
    local round step
    mkdir -p "$out/redis" "$root/data/redis"
    port[redis]=$(free_port)
    (cd "$root/data/redis" && exec redis-server --bind 127.0.0.1 --port "${port[redis]}" --save "" \
        --appendonly yes --appendfsync always) >"$root/redis.log" &
    pid[redis]=$!
    for ((step = 0; step < 100; step++)); do
        if listens "${port[redis]}"; then break; fi
        sleep 0.1
    done
    for ((round = 1; round <= rounds; round++)); do
        # Writes first: they make the keys that are read.
        redis_case "write-16.$round" set 16
        redis_case "write-1.$round" set 1
        redis_case "read-16.$round" get 16
        redis_case "read-1.$round" get 1
    done
    stop redis
}

# --- the page -----------------------------------------------------------------------------------------

# Milliseconds that one flushed write takes, on the file system of the data.
flush_time() {
    local start end
    start=$(date +%s%N)
    dd if=/dev/zero of="$root/data/flush" bs=4k count=200 oflag=dsync 2>/dev/null
    end=$(date +%s%N)
    rm -f "$root/data/flush"
    awk -v ns=$((end - start)) 'BEGIN { printf "%.2f", ns / 200 / 1e6 }'
}

machine() {
    echo "date: $(date -u +%F)"
    echo "processor: $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(nproc) in use"
    echo "memory: $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "system: Linux $(uname -r | cut -d- -f1) $(uname -m), $(df --output=fstype "$root" | tail -1)"
    echo "flushed write of 4 KiB: $(flush_time) ms"
    echo "Oxkeeper: $("$oxkeeper" --version 2>/dev/null | head -1 || true)"
    echo "Java server: Apache ZooKeeper $apache, -Xmx1000m (4g for the tree), $(java -version 2>&1 | head -1)"
    if [[ -n $redis ]]; then
        echo "Redis: $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/'), appendfsync always"
    fi
    echo "processors idle before the run: $free_before %"
    echo "rounds: $rounds, each of $duration s after a warm-up of $warmup s"
    echo "tree: $parents parents with $children children of 100 bytes each"
    echo "idle sessions: $idle"
}

need java mvn cargo
if [[ -n $redis ]]; then need redis-server redis-benchmark; fi
ulimit -n "$(ulimit -Hn)"
find_oxkeeper
rm -rf "$out" "$root/data"
mkdir -p "$out/oxkeeper" "$out/java" "$root/data"
find_java

free_before=$(idle_percent)
if ((free_before < 90)); then
    say "only $free_before % of the processors are idle: the numbers will be noisy"
fi
for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    cases "$round"
done
say "starts"
starts
say "tree"
tree
say "idle sessions"
idle
if [[ -n $redis ]]; then
    say "redis"
    redis_cases
fi
machine >"$out/machine.txt"

page=docs/benchmarks.md
if [[ $mode == quick ]]; then page=$out/benchmarks.md; fi
"$oxkeeper" bench report "$out" --page "$page"
say "wrote $page after $((SECONDS / 60)) min $((SECONDS % 60)) s"
