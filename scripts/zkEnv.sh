#!/usr/bin/env bash
# Sourced by the other scripts, never run: finds the configuration, the log directory and the server program.
# Names and rules are those of Apache ZooKeeper's bin/zkEnv.sh; a Java virtual machine is neither needed nor looked for.
#
# Reads:  ZOOBINDIR (the caller's directory), ZOOCFGDIR, ZOOCFG, ZOO_LOG_DIR, OXKEEPER (the program, if it stands elsewhere);
#         the option `--config <dir>`, which it shifts away from the caller's arguments.
# Sets:   ZOOKEEPER_PREFIX, ZOOCFGDIR, ZOOCFG (a path), ZOO_LOG_DIR, ZOO_CONFIG_CHOSEN (non-empty when anyone chose the
#         configuration, so that its absence is an error), and the function find_oxkeeper.

ZOOBINDIR="${ZOOBINDIR:-/usr/bin}"
ZOOKEEPER_PREFIX="$(cd "$ZOOBINDIR/.." && pwd)"

if [[ $# -gt 1 && $1 == "--config" ]]; then
  ZOOCFGDIR="$2"
  shift 2
fi

ZOO_CONFIG_CHOSEN="$ZOOCFGDIR"
if [[ -z $ZOOCFGDIR ]]; then
  if [[ -e $ZOOKEEPER_PREFIX/conf ]]; then
    ZOOCFGDIR="$ZOOBINDIR/../conf"
  else
    ZOOCFGDIR="$ZOOBINDIR/../etc/zookeeper"
  fi
fi

if [[ -f $ZOOCFGDIR/zookeeper-env.sh ]]; then
  # shellcheck source=/dev/null
  . "$ZOOCFGDIR/zookeeper-env.sh"
fi

# Read by the caller.
# shellcheck disable=SC2034
ZOO_CONFIG_CHOSEN="$ZOO_CONFIG_CHOSEN$ZOOCFG"
ZOOCFG="$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}"

if [[ -f $ZOOCFGDIR/java.env ]]; then
  # shellcheck source=/dev/null
  . "$ZOOCFGDIR/java.env"
fi

ZOO_LOG_DIR="${ZOO_LOG_DIR:-$ZOOKEEPER_PREFIX/logs}"

# Sets OXKEEPER to the program: $OXKEEPER itself, beside the scripts, in a source tree (built on first use), in PATH.
# Ends the script with code 1 when there is none.
find_oxkeeper() {
  if [[ -n $OXKEEPER ]]; then
    if [[ ! -x $OXKEEPER ]]; then
      echo "Error: OXKEEPER is set to $OXKEEPER, which is no program." >&2
      exit 1
    fi
  elif [[ -x $ZOOBINDIR/oxkeeper ]]; then
    OXKEEPER="$ZOOBINDIR/oxkeeper"
  elif [[ -x $ZOOKEEPER_PREFIX/bin/oxkeeper ]]; then
    OXKEEPER="$ZOOKEEPER_PREFIX/bin/oxkeeper"
  elif [[ -f $ZOOKEEPER_PREFIX/Cargo.toml ]]; then
    OXKEEPER="${CARGO_TARGET_DIR:-$ZOOKEEPER_PREFIX/target}/release/oxkeeper"
    [[ -x $OXKEEPER ]] || build_oxkeeper
  elif type -P oxkeeper >/dev/null; then
    OXKEEPER="$(type -P oxkeeper)"
  else
    echo "Error: no oxkeeper beside the scripts, in $ZOOKEEPER_PREFIX/bin or in PATH. Set OXKEEPER to the program." >&2
    exit 1
  fi
}

build_oxkeeper() {
  if ! type -P cargo >/dev/null; then
    echo "Error: the server is not built yet, and cargo could not be found in PATH." >&2
    echo "Install Rust from https://rustup.rs, or set OXKEEPER to a program built elsewhere." >&2
    exit 1
  fi
  echo "Building the server (cargo build --release); this is done once and takes a minute or two." >&2
  # Standard output belongs to the sub-commands.
  if ! (cd "$ZOOKEEPER_PREFIX" && cargo build --release --bin oxkeeper) >&2; then
    echo "Error: the build failed." >&2
    exit 1
  fi
}
