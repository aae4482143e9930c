//! Pass-through keys of the admin server, the audit log and JMX.

use crate::config::known::Feature::{AdminServer, Audit};
use crate::config::known::Status::{Later, NoEffect};
use crate::config::known::{Key, rows};

const NO_JMX: &str = "there is no JVM, so there is no JMX";

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "admin.enableServer" | "true" | "true, false" | Later(AdminServer);
    "admin.serverAddress" | "0.0.0.0" | "host name or IP address" | Later(AdminServer);
    "admin.serverPort" | "8080" | "TCP port" | Later(AdminServer);
    "admin.commandURL" | "/commands" | "URL path" | Later(AdminServer);
    "admin.idleTimeout" | "30000" | "ms" | Later(AdminServer);
    "admin.httpVersion" | "11" | "number" | NoEffect("the admin server chooses the HTTP version by itself");
    "admin.portUnification" | "false" | "true, false" | Later(AdminServer);
    "admin.forceHttps" | "false" | "true, false" | Later(AdminServer);
    "admin.needClientAuth" | "false" | "true, false" | Later(AdminServer);
    "admin.rateLimiterIntervalInMS" | "300000" | "ms" | Later(AdminServer);
    "admin.snapshot.enabled" | "true" | "true, false" | Later(AdminServer);
    "admin.restore.enabled" | "true" | "true, false" | Later(AdminServer);
    "audit.enable" | "false" | "true, false" | Later(Audit);
    "audit.impl.class" | "org.apache.zookeeper.audit.Slf4jAuditLogger" | "class" | NoEffect("there is one audit sink");
    "jmx.log4j.disable" | "false" | "true, false" | NoEffect(NO_JMX);
    "jmx.log4j.mbean" | "log4j:hierarchy=default" | "name" | NoEffect(NO_JMX);
};
