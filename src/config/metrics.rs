//! Settings of the metrics endpoint (`metricsProvider.*`). Only the provider that `className` names reads the others.

use crate::config::error::ConfigError;
use crate::config::zoo_cfg::FileKeys;

/// The provider behind the word `mntr` alone.
pub(crate) const DEFAULT_PROVIDER: &str =
    "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider";
const NULL_PROVIDER: &str = "org.apache.zookeeper.metrics.impl.NullMetricsProvider";
/// The provider with an HTTP endpoint.
pub const PROMETHEUS_PROVIDER: &str =
    "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
const PROVIDERS: [&str; 3] = [DEFAULT_PROVIDER, NULL_PROVIDER, PROMETHEUS_PROVIDER];

const HTTP_HOST: &str = "0.0.0.0";
const HTTP_PORT: u16 = 7000;

/// What is measured, and who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Where Prometheus scrapes; `None`: nowhere, metrics are in the word `mntr` only.
    pub prometheus: Option<Prometheus>,
}

/// The HTTP endpoint `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// `metricsProvider.httpHost`, a host name or an address.
    pub http_host: String,
    /// `metricsProvider.httpPort`; 0: any free port.
    pub http_port: u16,
    /// `metricsProvider.exportJvmInfo`: the `process_*` families are served too.
    pub process_families: bool,
}

impl Metrics {
    pub(crate) fn read(keys: &FileKeys) -> Result<Self, ConfigError> {
        let key = "metricsProvider.className";
        let class = keys.text(key).unwrap_or(DEFAULT_PROVIDER);
        if !PROVIDERS.contains(&class) {
            let remedy = format!("choose one of {}", PROVIDERS.join(", "));
            let cause = "metrics provider class was not found".to_owned();
            return Err(keys.bad(key, cause, remedy));
        }
        let prometheus = (class == PROMETHEUS_PROVIDER).then(|| Prometheus::read(keys));
        Ok(Metrics {
            prometheus: prometheus.transpose()?,
        })
    }
}

impl Prometheus {
    fn read(keys: &FileKeys) -> Result<Self, ConfigError> {
        let host = keys.text("metricsProvider.httpHost").unwrap_or(HTTP_HOST);
        let port = keys.port("metricsProvider.httpPort")?;
        // Whatever is not `true` switches it off: upstream reads it with `Boolean.parseBoolean`.
        let process = keys.text("metricsProvider.exportJvmInfo");
        Ok(Prometheus {
            http_host: host.to_owned(),
            http_port: port.unwrap_or(HTTP_PORT),
            process_families: process.is_none_or(|text| text.eq_ignore_ascii_case("true")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::note::Notes;

    fn read(lines: &str) -> Result<Metrics, ConfigError> {
        let keys = FileKeys::parse("zoo.cfg", lines.as_bytes(), &mut Notes::default());
        Metrics::read(&keys.expect("well-formed text"))
    }

    fn prometheus(lines: &str) -> Option<Prometheus> {
        let text = format!("metricsProvider.className={PROMETHEUS_PROVIDER}\n{lines}");
        read(&text).expect("good settings").prometheus
    }

    #[test]
    fn three_providers_are_known_and_one_has_an_endpoint() {
        for class in PROVIDERS {
            let metrics = read(&format!("metricsProvider.className={class}")).expect(class);
            assert_eq!(metrics.prometheus.is_some(), class == PROMETHEUS_PROVIDER);
        }
        let refused = read("metricsProvider.className=Mine").expect_err("an unknown class");
        let text = refused.to_string();
        assert!(
            text.contains("metrics provider class was not found"),
            "{text}"
        );
        assert_eq!(refused.exit_code(), 2);
    }

    #[test]
    fn the_endpoint_has_upstreams_defaults() {
        let of = |host: &str, port, process| {
            Some(Prometheus {
                http_host: host.to_owned(),
                http_port: port,
                process_families: process,
            })
        };
        assert_eq!(prometheus(""), of("0.0.0.0", 7000, true));
        assert_eq!(
            prometheus("metricsProvider.httpHost=::1\nmetricsProvider.httpPort=0"),
            of("::1", 0, true)
        );
        assert_eq!(
            prometheus("metricsProvider.exportJvmInfo=yes"),
            of("0.0.0.0", 7000, false)
        );
    }

    #[test]
    fn the_port_is_checked_only_when_it_is_used() {
        let bad = "metricsProvider.httpPort=x";
        assert!(read(bad).is_ok());
        let refused = read(&format!(
            "metricsProvider.className={PROMETHEUS_PROVIDER}\n{bad}"
        ));
        assert_eq!(refused.map_err(|error| error.exit_code()), Err(2));
    }
}
