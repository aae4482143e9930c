//! The environment that the word `envi` shows. What only a JVM has is `<NA>`, upstream's word for unknown.

use std::env;

use crate::admin::four_letter::VERSION;

const UNKNOWN: &str = "<NA>";

/// Names and values, in upstream's order.
// apache 3.9.5: Environment.java list
pub(super) fn list() -> Vec<(&'static str, String)> {
    let unknown = || UNKNOWN.to_owned();
    let variable = |name| env::var(name).unwrap_or_else(|_| unknown());
    let system = rustix::system::uname();
    let directory = env::current_dir().map_or_else(|_| unknown(), |dir| dir.display().to_string());
    let memory = rustix::system::sysinfo();
    let unit = u64::from(memory.mem_unit.max(1));
    // Types of these fields differ between machines; what does not fit is not known.
    let megabytes = |count: u64| format!("{}MB", count.saturating_mul(unit) >> 20);
    let total = megabytes(memory.totalram);
    vec![
        ("zookeeper.version", VERSION.to_owned()),
        (
            "host.name",
            system.nodename().to_string_lossy().into_owned(),
        ),
        ("java.version", unknown()),
        ("java.vendor", unknown()),
        ("java.home", unknown()),
        ("java.class.path", unknown()),
        ("java.library.path", unknown()),
        ("java.io.tmpdir", env::temp_dir().display().to_string()),
        ("java.compiler", unknown()),
        ("os.name", system.sysname().to_string_lossy().into_owned()),
        ("os.arch", system.machine().to_string_lossy().into_owned()),
        (
            "os.version",
            system.release().to_string_lossy().into_owned(),
        ),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", directory),
        ("os.memory.free", megabytes(memory.freeram)),
        ("os.memory.max", total.clone()),
        ("os.memory.total", total),
    ]
}
