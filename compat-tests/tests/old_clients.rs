//! Apache's Java client of every release line since 3.4: all operations that the release has, and its session across
//! a restart and a crash of the server.

use std::time::Duration;

use anyhow::Result;
use compat_tests::java::Project;
use compat_tests::program;
use compat_tests::server::{Options, Server, kinds};

/// One test per release line, so that a failure names it.
macro_rules! clients {
    ($($test:ident: $release:literal, $sources:expr, $parts:literal;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            works($release, $sources, $parts)
        }
    )*};
}

clients! {
    java_3_4: "3.4.14", &["common", "basic", "jdk14"], "";
    java_3_5: "3.5.10", &["common", "basic", "basic35"], "Since35";
    java_3_6: "3.6.4", &["common", "basic", "basic35", "basic36"], "Since35,Since36";
    java_3_7: "3.7.2", &["common", "basic", "basic35", "basic36", "basic37"], "Since35,Since36,Since37";
    java_3_8: "3.8.6", &["common", "basic", "basic35", "basic36", "basic37"], "Since35,Since36,Since37";
    java_3_9: "3.9.5", &["common", "basic", "basic35", "basic36", "basic37"], "Since35,Since36,Since37";
}

fn works(release: &'static str, sources: &'static [&'static str], parts: &str) -> Result<()> {
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: release,
        sources,
    }
    .build()?;
    for kind in kinds() {
        let options = Options::default()
            .property("zookeeper.extendedTypesEnabled", true)
            .property("znode.container.checkIntervalMs", 200);
        let mut server = Server::start(kind, options)?;
        let mut client = class_path.scenario("Basic", &server.address());
        client.arg(parts);
        let passed = program::run(&mut server, vec![client], Duration::from_secs(180))?;
        assert!(
            passed
                .iter()
                .any(|check| check == "the session survives a crash"),
            "{kind}: {passed:?}"
        );
    }
    Ok(())
}
