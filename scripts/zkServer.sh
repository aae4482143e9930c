#!/usr/bin/env bash
# Starts, stops and asks a server. Sub-commands, options, environment variables, output and exit codes are those of
# Apache ZooKeeper's bin/zkServer.sh; docs/configuration.md lists the variables.
#
# Without conf/zoo.cfg, and when nobody names another file, the server runs on its built-in configuration: client port
# 2181, data under data/ beside conf/.

ZOOBINDIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# The option --config is for zkEnv.sh, which shifts it away; a restart needs it again.
config_option=()
if [[ $# -gt 1 && $1 == "--config" ]]; then
  config_option=(--config "$2")
fi

if [[ -e $ZOOBINDIR/../libexec/zkEnv.sh ]]; then
  # shellcheck source=scripts/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=scripts/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

usage() {
  echo "Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|print-cmd}" >&2
}

# There is no JMX; the lines stay, because tools compare them.
say_jmx() {
  if [[ -n $JMXDISABLE && $JMXDISABLE != "false" ]]; then
    echo "JMX disabled by user request" >&2
    return
  fi
  echo "ZooKeeper JMX enabled by default" >&2
  if [[ -n $JMXPORT ]]; then
    echo "ZooKeeper remote JMX Port set to $JMXPORT" >&2
    echo "ZooKeeper remote JMX authenticate set to ${JMXAUTH:-false}" >&2
    echo "ZooKeeper remote JMX ssl set to ${JMXSSL:-false}" >&2
    echo "ZooKeeper remote JMX log4j set to ${JMXLOG4J:-true}" >&2
    if [[ -n $JMXHOSTNAME ]]; then
      echo "ZooKeeper remote JMX Hostname set to $JMXHOSTNAME" >&2
    fi
  fi
}

# lines <file> <start of an extended regular expression>: what follows the separator of matching lines, trimmed.
lines() {
  [[ -f $1 ]] && sed -n -E -e "s/^[[:space:]]*$2[[:space:]]*[=:[:space:]][[:space:]]*//p" "$1" | sed -e 's/[[:space:]]*$//'
}

# setting <key>: its value in the configuration; of two lines the last counts, as in the server.
setting() {
  lines "$ZOOCFG" "$1" | tail -n 1
}

# choose_config [cfg]: sets ZOOCFG, ZOO_DATADIR and what the program is to be called with.
choose_config() {
  if [[ -n $1 ]]; then
    ZOO_CONFIG_CHOSEN="$1"
    # A bare name stands in the configuration directory, anything with a slash is a path.
    case "$1" in
      */*) ZOOCFG="$1" ;;
      *) ZOOCFG="$ZOOCFGDIR/$1" ;;
    esac
  fi
  if [[ -z $ZOO_CONFIG_CHOSEN && ! -e $ZOOCFG ]]; then
    ZOO_DATADIR="$ZOOKEEPER_PREFIX/data"
    config_arguments=(--data-dir "$ZOO_DATADIR")
    built_in=true
    echo "Using config: built in, with data in $ZOO_DATADIR ($ZOOCFG does not exist)" >&2
  else
    ZOO_DATADIR="$(setting dataDir)"
    config_arguments=("$ZOOCFG")
    built_in=false
    echo "Using config: $ZOOCFG" >&2
  fi
}

# With creation switched off, a missing directory is found before anything is written.
check_data_directories() {
  [[ -n $ZOO_DATADIR_AUTOCREATE_DISABLE ]] || return 0
  local log_directory
  log_directory="$(setting dataLogDir)"
  if [[ ! -d $ZOO_DATADIR/version-2 ]]; then
    echo "ZooKeeper data directory is missing at $ZOO_DATADIR fix the path or run initialize"
    exit 1
  fi
  if [[ -n $log_directory && ! -d $log_directory/version-2 ]]; then
    echo "ZooKeeper txnlog directory is missing at $log_directory fix the path or run initialize"
    exit 1
  fi
  properties+=("-Dzookeeper.datadir.autocreate=false")
}

name_files() {
  # Without dataDir the server will not start, but what it says must go somewhere.
  ZOOPIDFILE="${ZOOPIDFILE:-${ZOO_DATADIR:-$ZOO_LOG_DIR}/zookeeper_server.pid}"
  ZOO_LOG_FILE="${ZOO_LOG_FILE:-zookeeper-$USER-server-$HOSTNAME.log}"
  out_file="$ZOO_LOG_DIR/zookeeper-$USER-server-$HOSTNAME.out"
  properties+=("-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.log.file=$ZOO_LOG_FILE")
}

prepare_start() {
  find_oxkeeper
  mkdir -p "$(dirname "$ZOOPIDFILE")"
  [[ -w $ZOO_LOG_DIR ]] || mkdir -p "$ZOO_LOG_DIR"
  # The program reads the -D parts of these itself.
  export SERVER_JVMFLAGS JVMFLAGS
}

start() {
  prepare_start
  echo -n "Starting zookeeper ... "
  if [[ -f $ZOOPIDFILE ]] && kill -0 "$(<"$ZOOPIDFILE")" &>/dev/null; then
    echo "already running as process $(<"$ZOOPIDFILE")."
    exit 1
  fi
  nohup "$OXKEEPER" server "${properties[@]}" "${config_arguments[@]}" >"$out_file" 2>&1 </dev/null &
  local pid=$!
  if ! echo -n "$pid" >"$ZOOPIDFILE"; then
    kill "$pid"
    echo FAILED TO WRITE PID
    exit 1
  fi
  sleep 1
  if ! kill -0 "$pid" &>/dev/null; then
    rm "$ZOOPIDFILE"
    echo FAILED TO START
    exit 1
  fi
  echo STARTED
}

start_foreground() {
  prepare_start
  local run=(exec)
  if [[ -n $ZOO_NOEXEC ]]; then
    run=()
  fi
  "${run[@]}" "$OXKEEPER" server "${properties[@]}" "${config_arguments[@]}"
}

print_cmd() {
  find_oxkeeper
  printf '%s' "SERVER_JVMFLAGS=${SERVER_JVMFLAGS@Q} JVMFLAGS=${JVMFLAGS@Q} \"$OXKEEPER\" server"
  printf ' "%s"' "${properties[@]}" "${config_arguments[@]}"
  printf ' > "%s" 2>&1 < /dev/null\n' "$out_file"
}

stop() {
  echo -n "Stopping zookeeper ... "
  if [[ ! -f $ZOOPIDFILE ]]; then
    echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
    return
  fi
  kill "$(<"$ZOOPIDFILE")"
  rm "$ZOOPIDFILE"
  sleep 1
  echo STOPPED
}

# Sets client_address, client_port and client_ssl to where this server's clients connect.
find_client_port() {
  client_ssl=false
  client_address="$(setting clientPortAddress)"
  client_address="${client_address:-localhost}"
  client_port="$(setting clientPort)"
  if $built_in; then
    client_port=2181
  fi
  [[ $client_port =~ ^[0-9]+$ ]] || find_port_in_server_line
  [[ -n $client_port ]] && return
  echo "Client port not found. Looking for secureClientPort in the static config."
  client_port="$(setting secureClientPort)"
  if [[ -z $client_port ]]; then
    echo "Unable to find either secure or unsecure client port in any configs. Terminating."
    exit 1
  fi
  client_ssl=true
  client_address="$(setting secureClientPortAddress)"
  client_address="${client_address:-localhost}"
}

# Looks at the client part of this server's own line, in the static file and then in the dynamic one.
find_port_in_server_line() {
  local my_id client
  my_id="$(cat "$ZOO_DATADIR/myid" 2>/dev/null)"
  if [[ ! $my_id =~ ^[0-9]+$ ]]; then
    echo "myid could not be determined, will not able to locate clientPort in the server configs."
    return
  fi
  client="$(lines "$ZOOCFG" "server\\.$my_id" | sed -n 's/.*;//p' | tail -n 1)"
  if [[ -z $client ]]; then
    echo "Client port not found in static config file. Looking in dynamic config file."
    client="$(lines "$(setting dynamicConfigFile)" "server\\.$my_id" | sed -n 's/.*;//p' | tail -n 1)"
  fi
  if [[ $client =~ ^\[?([^]]*)\]?:([0-9]+)$ ]]; then
    client_address="${BASH_REMATCH[1]}"
    client_port="${BASH_REMATCH[2]}"
  elif [[ $client =~ ^[0-9]+$ ]]; then
    client_port="$client"
  else
    echo "Client port not found in the server configs"
  fi
}

say_ssl_note() {
  cat <<TEXT
 
Note: We used secureClientPort ($client_port) to establish connection, but we failed. The 'status'
  command establishes a client connection to the server to execute diagnostic commands. Please make sure you
  provided all the Client SSL connection related parameters in the CLIENT_JVMFLAGS environment variable! E.g.:
  CLIENT_JVMFLAGS="-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty
  -Dzookeeper.ssl.trustStore.location=/tmp/clienttrust.jks -Dzookeeper.ssl.trustStore.password=password
  -Dzookeeper.ssl.keyStore.location=/tmp/client.jks -Dzookeeper.ssl.keyStore.password=password
  -Dzookeeper.client.secure=true" ./zkServer.sh status
 
TEXT
}

status() {
  local mode=""
  find_client_port
  echo "Client port found: $client_port. Client address: $client_address. Client SSL: $client_ssl."
  if [[ $client_ssl == false ]]; then
    find_oxkeeper
    mode="$("$OXKEEPER" 4lw "$client_address" "$client_port" srvr 2>/dev/null | grep Mode)"
  else
    say_ssl_note
  fi
  if [[ -z $mode ]]; then
    echo "Error contacting service. It is probably not running."
    exit 1
  fi
  echo "$mode"
}

properties=()
say_jmx
choose_config "$2"
check_data_directories
name_files

case $1 in
  start) start ;;
  start-foreground) start_foreground ;;
  stop) stop ;;
  restart)
    shift
    "$0" "${config_option[@]}" stop "$@"
    sleep 3
    "$0" "${config_option[@]}" start "$@"
    ;;
  status) status ;;
  version)
    find_oxkeeper
    "$OXKEEPER" version
    ;;
  print-cmd) print_cmd ;;
  *) usage ;;
esac
