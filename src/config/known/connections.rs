//! Pass-through keys of the client listener and its connections.

use crate::config::known::Feature::ClientTls;
use crate::config::known::Status::{Honoured, Later, NoEffect};
use crate::config::known::{Key, rows};

const THREADS: &str = "it tunes threads and buffers that this server does not have";

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "4lw.commands.whitelist" | "" | "list of words, or *" | Honoured("four-letter words that are answered, besides srvr");
    "maxCnxns" | "0" | "connections" | Honoured("connections open at a time, all clients together; 0: no limit");
    "clientTcpKeepAlive" | "false" | "true, false" | Honoured("keep-alive probes on client connections");
    "nio.sessionlessCnxnTimeout" | "10000" | "ms" | Honoured("connections that open no session are closed after this time");
    "connection_throttle_tokens" | "0" | "tokens" | Honoured("size of the token bucket that new sessions draw from; 0: no throttle");
    "connection_throttle_fill_time" | "1" | "ms" | Honoured("how often tokens are added");
    "connection_throttle_fill_count" | "1" | "tokens" | Honoured("tokens added each time");
    "connection_throttle_freeze_time" | "-1" | "ms" | Honoured("how often the drop probability changes; -1: it stays 0");
    "connection_throttle_drop_increase" | "0.02" | "probability" | Honoured("added to the drop probability when the bucket is empty");
    "connection_throttle_drop_decrease" | "0.002" | "probability" | Honoured("taken off the drop probability when the bucket is full enough");
    "connection_throttle_decrease_ratio" | "0" | "ratio" | Honoured("how full the bucket must be for that");
    "connection_throttle_weight_enabled" | "false" | "true, false" | Honoured("sessions cost tokens by their kind, instead of one each");
    "connection_throttle_global_session_weight" | "3" | "tokens, 1 or more" | Honoured("cost of a new session");
    "connection_throttle_renew_session_weight" | "2" | "tokens, 1 or more" | Honoured("cost of a reconnect");
    "connection_throttle_local_session_weight" | "1" | "tokens, 1 or more" | Honoured("cost of a local session, and the least the other two can cost");
    "serverCnxnFactory" | "org.apache.zookeeper.server.NIOServerCnxnFactory" | "class" | NoEffect("there is one network stack");
    "nio.numSelectorThreads" | "(by CPU cores)" | "threads" | NoEffect(THREADS);
    "nio.numWorkerThreads" | "(by CPU cores)" | "threads" | NoEffect(THREADS);
    "nio.directBufferBytes" | "65536" | "bytes" | NoEffect(THREADS);
    "nio.shutdownTimeout" | "5000" | "ms" | NoEffect(THREADS);
    "netty.advancedFlowControl.enabled" | "false" | "true, false" | NoEffect(THREADS);
    "netty.server.outstandingHandshake.limit" | "-1" | "handshakes" | Later(ClientTls);
    "netty.server.earlyDropSecureConnectionHandshakes" | "false" | "true, false" | Later(ClientTls);
    "client.portUnification" | "false" | "true, false" | Later(ClientTls);
    "client.certReload" | "false" | "true, false" | Later(ClientTls);
};
