//! Properties without the prefix, those of logging, and those only clients read. A line in the settings file
//! cannot set them.

use crate::config::known::Feature::Sasl;
use crate::config::known::Status::{Honoured, Later, NoEffect};
use crate::config::known::{Key, rows};

const CLIENTS_READ_IT: &str = "only clients read it";
const JAVA_DESIGN: &str = "it tunes threads that this server does not have";
const LOG_TO_STDOUT: &str = "the log goes to standard output";
const NO_JVM: &str = "there is no JVM";

pub(super) const KEYS: &[Key] = rows! { Property:
    "jute.maxbuffer" | "1048575" | "bytes" | Honoured("longest request a client can send");
    "readonlymode.enabled" | "false" | "true, false" | Honoured("true: a member of an ensemble that finds no leader lets clients read that allow it; the four-letter word isro is answered");
    "znode.container.checkIntervalMs" | "60000" | "ms" | Honoured("how often empty containers and expired TTL nodes are looked for; 0: never");
    "znode.container.maxPerMinute" | "10000" | "nodes" | Honoured("how many of them may be deleted in a minute");
    "znode.container.maxNeverUsedIntervalMs" | "0" | "ms" | Honoured("age at which a container that never had a child is deleted; 0: never");
    "fsync.warningthresholdms" | "1000" | "ms" | Honoured("old name of zookeeper.fsync.warningthresholdms, used when that is not set");
    "follower.nodelay" | "true" | "true, false" | Honoured("false: small packets of a learner may wait for company (TCP_NODELAY off)");
    "leader.nodelay" | "true" | "true, false" | Honoured("false: small packets of a leader may wait for company (TCP_NODELAY off)");
    "learner.asyncSending" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "learner.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "leader.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "zookeeper.server.realm" | "(realm of the own principal)" | "realm" | Later(Sasl);
    "java.security.auth.login.config" | "unset" | "path" | Later(Sasl);
    "java.security.krb5.conf" | "unset" | "path" | Later(Sasl);
    "sun.security.jgss.native" | "false" | "true, false" | NoEffect(NO_JVM);
    "jdk.tls.rejectClientInitiatedRenegotiation" | "true" | "true, false" | NoEffect("renegotiation is always refused");
    "com.sun.management.jmxremote*" | "unset" | "settings of JMX" | NoEffect("there is no JVM, so there is no JMX");
    "java.rmi.server.hostname" | "unset" | "host name" | NoEffect("there is no JVM, so there is no JMX");
    "zookeeper.log.dir" | "." | "path" | NoEffect(LOG_TO_STDOUT);
    "zookeeper.log.file" | "zookeeper.log" | "file name" | NoEffect(LOG_TO_STDOUT);
    "zookeeper.log.threshold" | "INFO" | "level" | NoEffect("the option --log-level sets it");
    "zookeeper.console.threshold" | "INFO" | "level" | NoEffect("the option --log-level sets it");
    "logback.configurationFile" | "unset" | "path" | NoEffect("there is no logback; the option --log-level sets the level");
    "zookeeper.clientCnxnSocket" | "unset" | "class" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.client.secure" | "false" | "true, false" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.sasl.client" | "true" | "true, false" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.sasl.clientconfig" | "Client" | "JAAS section" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.sasl.client.username" | "zookeeper" | "name" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.sasl.client.canonicalize.hostname" | "true" | "true, false" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.server.principal" | "unset" | "principal" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.request.timeout" | "0" | "ms" | NoEffect(CLIENTS_READ_IT);
    "zookeeper.disableAutoWatchReset" | "false" | "true, false" | NoEffect(CLIENTS_READ_IT);
};
