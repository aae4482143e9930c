#!/bin/sh
# Records tests/golden: logs, snapshots and a conversation of client and server, as Apache ZooKeeper 3.9.5 makes them. Nothing that is
# recorded is edited. Needs a JDK and Maven. Times and session ids differ from run to run, so the files
# are recorded once and kept; tests/golden.rs says what must hold for any recording.
#
#   log.1            every kind of transaction, preallocated in steps of 1 KiB
#   snapshot.0       an empty directory
#   <setting>/        a snapshot of the same state, one per setting:
#     default          digest and zxid sections (54 bytes after the first seal)
#     no-digest        zxid section only        (21)
#     no-zxid          digest section only      (33)
#     neither          no section               (0)
#     gz, snappy       compressed
#   snap-stream      the same state as a leader sends it
#
# wire/conversation.txt: the frames of a client that uses every operation; tests/conversation.rs repeats it.
set -eu
cd "$(dirname "$0")/.."
out=tests/golden/storage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mvn -q -f scripts/capture/pom.xml dependency:build-classpath -Dmdep.outputFile="$work/classpath"
classpath=$(cat "$work/classpath")
mkdir "$work/classes"
javac -d "$work/classes" -cp "$classpath" scripts/capture/*.java

run() {
    dir=$1
    shift
    java -cp "$work/classes:$classpath" -Dzookeeper.preAllocSize=1 -Dzookeeper.extendedTypesEnabled=true \
        ${JAVA_PROPERTIES:-} Capture "$work/$dir" "$@" >"$work/$dir.out" 2>&1 || {
        cat "$work/$dir.out" >&2
        exit 1
    }
}

rm -rf "$out"
mkdir -p "$out"
run data start work
cp "$work/data/version-2/log.1" "$work/data/version-2/snapshot.0" "$out/"

record() {
    name=$1
    JAVA_PROPERTIES=$2
    # The digest in the snapshot at hand is read by position, so the directory without digests starts
    # from the log alone.
    mkdir -p "$work/$name/version-2"
    cp "$work/data/version-2/log.1" "$work/$name/version-2/"
    JAVA_PROPERTIES="$2 -Dzookeeper.snapshot.trust.empty=true" run "$name" start check
    mkdir -p "$out/$name"
    cp "$work/$name"/version-2/snapshot.* "$out/$name/"
}

record default ""
record no-digest "-Dzookeeper.digest.enabled=false"
record no-zxid "-Dzookeeper.serializeLastProcessedZxid.enabled=false"
record neither "-Dzookeeper.digest.enabled=false -Dzookeeper.serializeLastProcessedZxid.enabled=false"
record gz "-Dzookeeper.snapshot.compression.method=gz"
record snappy "-Dzookeeper.snapshot.compression.method=snappy"

java -cp "$work/classes:$classpath" -Dzookeeper.extendedTypesEnabled=true CaptureSnap "$work/default" \
    "$out/snap-stream" >"$work/snap-stream.out" 2>&1 || {
    cat "$work/snap-stream.out" >&2
    exit 1
}

mkdir -p "$work/wire" tests/golden/wire
java -cp "$work/classes:$classpath" -Dzookeeper.extendedTypesEnabled=true CaptureWire "$work/wire" \
    tests/golden/wire/conversation.txt >"$work/wire.out" 2>&1 || {
    cat "$work/wire.out" >&2
    exit 1
}
ls -lR tests/golden
