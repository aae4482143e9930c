#!/usr/bin/env bash
# Compares ensembles of three: all ours, and all Apache's Java server, on this machine, in turn.
#
#   scripts/bench-ensemble.sh [quick|full] [--rounds N]
#
# quick: about three minutes, one short round; the page goes to target/bench-ensemble/quick.
# full:  about seven minutes, three rounds; writes docs/benchmarks-ensemble.md.
#
# Needs java and mvn. All three members and the load generator share the machine's processors, so only what is per
# CPU second, and ratios, say much. OXKEEPER_BIN names another binary of ours.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

mode=quick rounds=""
while (($#)); do
    case $1 in
        quick | full) mode=$1 ;;
        --rounds) rounds=${2:?--rounds needs a number} && shift ;;
        *) usage ;;
    esac
    shift
done
case $mode in
    quick) : "${rounds:=1}" && warmup=1 duration=4 behind=20000 parents=100 ;;
    full) : "${rounds:=3}" && warmup=2 duration=10 behind=100000 parents=1000 ;;
esac
[[ $rounds =~ ^[1-9][0-9]*$ ]] || usage

readonly root=$PWD/target/bench-ensemble
readonly out=$root/$mode members="1 2 3" children=1000
declare -A pid=() client=() quorum=() election=()

# shellcheck source=scripts/bench-common.sh
. scripts/bench-common.sh

# --- members ------------------------------------------------------------------------------------------

stop() {
    local member=$1 signal=${2:-TERM} process=${pid[$1]:-}
    [[ -n $process ]] || return 0
    kill "-$signal" "$process" 2>/dev/null || true
    for ((step = 0; step < 200; step++)); do
        if gone "$process"; then break; fi
        sleep 0.05
    done
    kill -KILL "$process" 2>/dev/null || true
    unset "pid[$member]"
}

stop_all() {
    local member
    for member in $members; do stop "$member" KILL; done
}
trap 'stop_all; rm -rf "$root/data"' EXIT
trap 'exit 130' INT TERM

# Ports that nobody else in this run has.
distinct_port() {
    local candidate taken
    while :; do
        candidate=$(free_port)
        taken=" ${client[*]:-} ${quorum[*]:-} ${election[*]:-} "
        if [[ $taken != *" $candidate "* ]]; then break; fi
    done
    echo "$candidate"
}

fresh() {
    stop_all
    rm -rf "$root/data"
    client=() quorum=() election=()
    local member other
    for member in $members; do
        client[$member]=$(distinct_port)
        quorum[$member]=$(distinct_port)
        election[$member]=$(distinct_port)
    done
    for member in $members; do
        mkdir -p "$root/data/$member"
        echo "$member" >"$root/data/$member/myid"
        {
            printf 'dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\n' "$root/data/$member" "${client[$member]}"
            printf 'tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nforceSync=yes\nadmin.enableServer=false\n'
            printf '4lw.commands.whitelist=*\n'
            for other in $members; do
                printf 'server.%s=127.0.0.1:%s:%s\n' "$other" "${quorum[$other]}" "${election[$other]}"
            done
        } >"$root/data/$member/zoo.cfg"
    done
}

# start SUBJECT MEMBER
start() {
    local subject=$1 member=$2 command cfg=$root/data/$2/zoo.cfg
    case $subject in
        oxkeeper) command=("$oxkeeper" server "$cfg") ;;
        java)
            command=(java -Xmx1000m -cp "$java_project:$jars"
                org.apache.zookeeper.server.quorum.QuorumPeerMain "$cfg")
            ;;
    esac
    "${command[@]}" >>"$root/$subject.$member.log" 2>&1 &
    pid[$member]=$!
    disown
}

servers() {
    local member list=""
    for member in "$@"; do list+=,127.0.0.1:${client[$member]}; done
    echo "${list#,}"
}

pids() {
    local member list=""
    for member in "$@"; do list+=,${pid[$member]}; done
    echo "${list#,}"
}

# A field of what a member answers to srvr.
told() {
    { exec 3<>"/dev/tcp/127.0.0.1/${client[$1]}" && printf srvr >&3 && sed -n "s/^$2: //p" <&3; } 2>/dev/null || true
}

leader() {
    local member
    for member in $members; do
        if [[ $(told "$member" Mode) == leader ]]; then echo "$member"; fi
    done
}

await_zxid() {
    local member=$1 want=$2 step
    for ((step = 0; step < 60000; step++)); do
        if [[ $(told "$member" Zxid) == "$want" ]]; then return 0; fi
        sleep 0.002
    done
    fail "member $member does not reach $want"
}

# --- what is measured ---------------------------------------------------------------------------------

# keep CASE ROUND SUBJECT VALUE
keep() { echo "$4" >>"$out/$3.$1" && say "$3 $1.$2: $4"; }

field() { sed -n "s/.*\"$2\": \([0-9.]*\).*/\1/p" "$1" | head -1; }

# load CASE ROUND SUBJECT SCENARIO...: operations per CPU second of all members, per second, and p99.
load() {
    local case=$1 round=$2 subject=$3 json=$out/$3.$1.$2.json
    shift 3
    "$oxkeeper" bench "$@" --quiet --server "$(servers 1 2 3)" --server-pid "$(pids 1 2 3)" \
        --warmup "${warmup}s" --duration "${duration}s" --json "$json" >/dev/null
    keep "$case-per-cpu-second" "$round" "$subject" "$(field "$json" per_cpu_second)"
    keep "$case-per-second" "$round" "$subject" "$(field "$json" per_second)"
    keep "$case-p99-ms" "$round" "$subject" "$(awk -v us="$(field "$json" p99)" 'BEGIN { printf "%.2f", us / 1000 }')"
}

now() { date +%s%N; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.3f", (to - from) / 1e9 }'; }

outage() {
    local json=$out/outage.json
    "$oxkeeper" bench outage --quiet --session-timeout 5s --json "$json" "$@" >/dev/null
    field "$json" seconds
}

start_all() {
    local subject=$1 member
    fresh
    for member in $members; do start "$subject" "$member"; done
}

# Until every member serves.
await_all() {
    local member
    for member in $members; do
        until [[ -n $(told "$member" Mode) ]]; do sleep 0.01; done
    done
}

resident_kib() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/${pid[$1]}/status"; }

# A large tree: what the largest of the members takes for each znode.
memory() {
    local subject=$1 round=$2 member kib most=0 before=0
    start_all "$subject"
    outage --server "$(servers 1 2 3)" >/dev/null
    await_all
    for member in $members; do
        kib=$(resident_kib "$member")
        if ((kib > before)); then before=$kib; fi
    done
    "$oxkeeper" bench fill --quiet --server "$(servers 1 2 3)" --parents "$parents" --children "$children" >/dev/null
    for member in $members; do
        kib=$(resident_kib "$member")
        if ((kib > most)); then most=$kib; fi
    done
    keep member-mib "$round" "$subject" "$((most / 1024))"
    keep znode-bytes "$round" "$subject" "$(((most - before) * 1024 / (parents * children)))"
    stop_all
}

round_of() {
    local subject=$1 round=$2 member began chief away zxid rest
    start_all "$subject"
    began=$(now)
    outage --server "$(servers 1 2 3)" >/dev/null
    keep cold-start-s "$round" "$subject" "$(seconds_since "$began")"
    await_all

    # Java compiles what runs often: gives it the time to, before anything counts.
    "$oxkeeper" bench mixed --quiet --server "$(servers 1 2 3)" --warmup 0s --duration "${duration}s" >/dev/null
    load write "$round" "$subject" write --depth 16
    load read "$round" "$subject" read --depth 16

    # A follower that is away while much is written.
    chief=$(leader)
    away=$((chief % 3 + 1))
    stop "$away"
    rest=$(servers "$chief" $((away % 3 + 1)))
    "$oxkeeper" bench fill --quiet --server "$rest" --parents 1 --children "$behind" >/dev/null
    zxid=$(told "$chief" Zxid)
    start "$subject" "$away"
    began=$(now)
    await_zxid "$away" "$zxid"
    keep resync-s "$round" "$subject" "$(seconds_since "$began")"

    chief=$(leader)
    away=$((chief % 3 + 1))
    rest=$(servers "$away" $((away % 3 + 1)))
    keep failover-s "$round" "$subject" "$(outage --server "$rest" --kill "${pid[$chief]}")"
    stop_all
    memory "$subject" "$round"
}

# --- the page -----------------------------------------------------------------------------------------

median() { sort -g "$1" | awk '{ all[NR] = $1 } END { printf "%s", all[int((NR + 1) / 2)] }'; }

# row TEXT CASE better|worse: is more better or worse?
row() {
    local ours theirs
    ours=$(median "$out/oxkeeper.$2") theirs=$(median "$out/java.$2")
    awk -v text="$1" -v ours="$ours" -v theirs="$theirs" -v better="$3" '
        function short(x) { return sprintf(x < 1000 ? "%.3g" : "%d", x) }
        BEGIN {
            ratio = better == "more" ? ours / theirs : theirs / ours
            printf "| %s | %s | %s | %.1f |\n", text, short(ours), short(theirs), ratio
        }'
}

page() {
    cat <<PAGE
# Ensembles of three, ours and Apache's, side by side

Made by \`scripts/bench-ensemble.sh $mode\` on $(date -u +%F): medians of $rounds rounds; $(nproc) processors
($(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)) carry all three members and the load generator,
$free_before % of them idle before. Apache ZooKeeper $apache with -Xmx1000m, $(java -version 2>&1 | head -1). Same settings, every write flushed by a
quorum. 50 connections with 16 requests outstanding each, spread over the members; 100 bytes of payload. The last column says how many times
ours is better.

| | Oxkeeper | Java | ratio |
| --- | ---: | ---: | ---: |
$(row "writes per CPU second of all members" write-per-cpu-second more)
$(row "writes per second" write-per-second more)
$(row "writes, 99 % within (ms)" write-p99-ms less)
$(row "reads per CPU second of all members" read-per-cpu-second more)
$(row "reads per second" read-per-second more)
$(row "reads, 99 % within (ms)" read-p99-ms less)
$(row "kill -9 of the leader until the next acknowledged write (s)" failover-s less)
$(row "start of a follower that misses $behind transactions until it has them (s)" resync-s less)
$(row "start of three members until the first acknowledged write (s)" cold-start-s less)
$(row "memory of the largest of three members with $((parents * children)) znodes of 100 bytes (MiB)" member-mib less)
$(row "of it for each znode (bytes)" znode-bytes less)
PAGE
}

need java mvn cargo awk
ulimit -n "$(ulimit -Hn)"
find_oxkeeper
rm -rf "$out" "$root/data"
mkdir -p "$out"
find_java
free_before=$(idle_percent)
if ((free_before < 90)); then
    say "only $free_before % of the processors are idle: the numbers will be noisy"
fi
for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    if ((round % 2)); then order="oxkeeper java"; else order="java oxkeeper"; fi
    for subject in $order; do round_of "$subject" "$round"; done
done
target=docs/benchmarks-ensemble.md
if [[ $mode == quick ]]; then target=$out/page.md; fi
page >"$target"
say "wrote $target after $((SECONDS / 60)) min $((SECONDS % 60)) s"
