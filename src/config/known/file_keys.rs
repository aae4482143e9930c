//! Keys that the settings file alone can set.

use crate::config::known::Feature::{ClientTls, QuorumSasl, QuorumTls};
use crate::config::known::Status::{Honoured, Later, NoEffect};
use crate::config::known::{Key, rows};

const NO_WORKERS: &str =
    "values are added up where they arise; no workers and no queue are between";
const NO_PAUSES: &str = "there is no garbage collector that could pause the server";

pub(super) const STANDALONE: &[Key] = rows! { FileKey:
    "dataDir" | "unset" | "path" | Honoured("where snapshots, `myid` and `initialize` live, the snapshots in `version-2`; required");
    "dataLogDir" | "(dataDir)" | "path" | Honoured("where transaction logs live, in `version-2`; best on a disk of its own");
    "clientPort" | "unset" | "TCP port, 0 to 65535" | Honoured("port of the client listener; unset: none; 0: any free port");
    "clientPortAddress" | "unset" | "host name or IP address" | Honoured("address the client listener binds to; unset: all");
    "clientPortListenBacklog" | "-1" | "connections" | Honoured("connections the kernel may queue before they are accepted; -1: 50");
    "tickTime" | "3000" | "ms" | Honoured("the unit of time: session bounds and session expiry are counted in ticks");
    "maxClientCnxns" | "60" | "connections" | Honoured("connections one client address may have open; 0: no limit");
    "minSessionTimeout" | "-1" | "ms" | Honoured("shortest session timeout a client can get; -1: 2 ticks");
    "maxSessionTimeout" | "-1" | "ms" | Honoured("longest session timeout a client can get; -1: 20 ticks");
    "autopurge.snapRetainCount" | "3" | "snapshots, 3 or more" | Honoured("snapshots (with their logs) that a purge keeps");
    "autopurge.purgeInterval" | "0" | "hours" | Honoured("time between purges of old snapshots and logs; 0: never");
    "reconfigEnabled" | "false" | "true, false" | Honoured("true: a reconfiguration request is answered as unimplemented, as by every standalone server, instead of as disabled");
    "standaloneEnabled" | "true" | "true, false" | Honoured("false: even one voting server is an ensemble");
};

pub(super) const ENSEMBLE: &[Key] = rows! { FileKey:
    "server.*" | "unset" | "host:port:port[:role][;[host:]port]" | Honoured("a member of the ensemble: host, quorum port, election port, role, client port; with one voting member (and standaloneEnabled) the server stands alone");
    "group*" | "unset" | "id:id:..." | Honoured("members of one group of hierarchical quorums");
    "weight*" | "1" | "number" | Honoured("weight of a member in hierarchical quorums");
    "dynamicConfigFile" | "unset" | "path" | Honoured("the file that holds the server, group and weight lines instead");
    "initLimit" | "0" | "ticks" | Honoured("how long a learner may take to connect and to synchronise; required in an ensemble");
    "syncLimit" | "0" | "ticks" | Honoured("how far a learner may lag behind its leader; required in an ensemble");
    "connectToLearnerMasterLimit" | "0" | "ticks" | Honoured("how long a learner may take to connect to its leader; 0: initLimit");
    "electionAlg" | "3" | "3" | NoEffect("there is one election algorithm");
    "quorumListenOnAllIPs" | "false" | "true, false" | Honoured("true: quorum and election ports listen on all addresses");
    "peerType" | "participant" | "participant, observer" | NoEffect("the server lines say who observes");
    "syncEnabled" | "true" | "true, false" | Honoured("false: an observer writes no log, and has its state from the others after every start");
    "observerMasterPort" | "0" | "TCP port" | Honoured("the port at which followers serve observers, and at which observers call followers, one after the other, instead of the leader; 0: leaders serve them at the quorum port");
    "localSessionsEnabled" | "false" | "true, false" | Honoured("true: a new session is known to its server only, and costs no transaction; a server that stands alone ignores it");
    "localSessionsUpgradingEnabled" | "false" | "true, false" | Honoured("true: such a session becomes known to all servers when it creates an ephemeral node; false: it cannot create one");
    "multiAddress.enabled" | "false" | "true, false" | Honoured("true: all own election addresses are announced to others, which must be of 3.6 or later; servers of several addresses are allowed by the property `zookeeper.multiAddress.enabled` alone");
    "multiAddress.reachabilityCheckTimeoutMs" | "1000" | "ms" | Honoured("how long the address of a member that has several may take to answer before the election connection to it is given up for another");
    "multiAddress.reachabilityCheckEnabled" | "true" | "true, false" | Honoured("false: an election connection is kept until it breaks; addresses are asked at TCP port 7, where a refusal is an answer, too");
    "oraclePath" | "unset" | "path" | Honoured("in an ensemble of two voters without groups: a file that begins with the digit 1 when this server may go on without the other one");
    "quorum.auth.enableSasl" | "false" | "true, false" | Later(QuorumSasl);
    "quorum.auth.learnerRequireSasl" | "false" | "true, false" | Later(QuorumSasl);
    "quorum.auth.serverRequireSasl" | "false" | "true, false" | Later(QuorumSasl);
    "quorum.auth.learner.saslLoginContext" | "QuorumLearner" | "JAAS section" | Later(QuorumSasl);
    "quorum.auth.server.saslLoginContext" | "QuorumServer" | "JAAS section" | Later(QuorumSasl);
    "quorum.auth.kerberos.servicePrincipal" | "zkquorum/localhost" | "principal" | Later(QuorumSasl);
    "quorum.cnxn.threads.size" | "20" | "threads" | NoEffect("elections need no pool of threads");
};

pub(super) const OTHER: &[Key] = rows! { FileKey:
    "secureClientPort" | "unset" | "TCP port" | Later(ClientTls);
    "secureClientPortAddress" | "unset" | "host name or IP address" | Later(ClientTls);
    "sslQuorum" | "false" | "true, false" | Later(QuorumTls);
    "portUnification" | "false" | "true, false" | Later(QuorumTls);
    "sslQuorumReloadCertFiles" | "false" | "true, false" | Later(QuorumTls);
    "metricsProvider.className" | "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider" | "class" | Honoured("`org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider`: metrics are served over HTTP, see docs/metrics.md; `DefaultMetricsProvider` and `NullMetricsProvider` of `org.apache.zookeeper.metrics.impl`: they are in the word `mntr` only");
    "metricsProvider.httpHost" | "0.0.0.0" | "host name or IP address" | Honoured("address the metrics endpoint binds to");
    "metricsProvider.httpPort" | "7000" | "TCP port, 0 to 65535" | Honoured("port of the metrics endpoint; 0: any free port");
    "metricsProvider.exportJvmInfo" | "true" | "true, false" | Honoured("the endpoint serves the families `process_*` too; those of a JVM do not exist");
    "metricsProvider.numWorkerThreads" | "1" | "threads" | NoEffect(NO_WORKERS);
    "metricsProvider.maxQueueSize" | "1000000" | "tasks" | NoEffect(NO_WORKERS);
    "metricsProvider.workerShutdownTimeoutMs" | "1000" | "ms" | NoEffect(NO_WORKERS);
    "metricsProvider.*" | "unset" | "settings of the provider" | NoEffect("no provider of Apache ZooKeeper 3.9.5 reads it");
    "jvm.pause.monitor" | "false" | "true, false" | NoEffect(NO_PAUSES);
    "jvm.pause.warn-threshold.ms" | "10000" | "ms" | NoEffect(NO_PAUSES);
    "jvm.pause.info-threshold.ms" | "1000" | "ms" | NoEffect(NO_PAUSES);
    "jvm.pause.sleep.time.ms" | "500" | "ms" | NoEffect(NO_PAUSES);
};
