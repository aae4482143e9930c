//! A data directory changes hands: written by a Java server of any release line since 3.4, taken over by Oxkeeper, then
//! by Java 3.9.5, and back, by clean stops and by crashes. The tree must be the same to the last field of the last
//! stat, and a client's session must not notice.

use std::time::Duration;

use anyhow::Result;
use compat_tests::java::{NEWEST, Project};
use compat_tests::program;
use compat_tests::server::{Kind, Options, Server, kinds};

/// One test per release line, so that a failure names it.
macro_rules! from {
    ($($test:ident: $release:literal;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            hands_over(Kind::Java($release), "")
        }
    )*};
}

from! {
    from_java_3_4: "3.4.14";
    from_java_3_5: "3.5.10";
    from_java_3_6: "3.6.4";
    from_java_3_7: "3.7.2";
    from_java_3_8: "3.8.6";
    from_java_3_9: "3.9.5";
}

#[test]
fn from_a_directory_that_oxkeeper_began() -> Result<()> {
    hands_over(*kinds().last().unwrap_or(&Kind::JAVA), "")
}

#[test]
fn with_snapshots_compressed_by_gzip() -> Result<()> {
    hands_over(Kind::JAVA, "gz")
}

#[test]
fn with_snapshots_compressed_by_snappy() -> Result<()> {
    hands_over(Kind::JAVA, "snappy")
}

/// `compression` is what snapshots are compressed by; empty: not at all.
fn hands_over(first: Kind, compression: &str) -> Result<()> {
    // Without Oxkeeper this still shows that the comparison is fair: Java passes it against itself.
    let ours = *kinds().last().unwrap_or(&Kind::JAVA);
    let release = if let Kind::Java(release) = first {
        release
    } else {
        NEWEST
    };
    let options = Options::default()
        .property("zookeeper.extendedTypesEnabled", true)
        .property(
            "zookeeper.DigestAuthenticationProvider.superDigest",
            "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
        )
        // Small, so that a run of some hundred changes leaves several logs and snapshots.
        .set("snapCount", 50)
        // The session that lives through it all may wait long; the ones that are left behind go soon.
        .set("tickTime", 500)
        .set("maxSessionTimeout", 40_000)
        .set("preAllocSize", 128);
    let options = match compression {
        "" => options,
        method => options.property("zookeeper.snapshot.compression.method", method),
    };
    let mut server = Server::start(first, options)?;
    let sources = &["common", "takeover"];
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: NEWEST,
        sources,
    }
    .build()?;
    let mut client = class_path.scenario("Takeover", &server.address());
    client.arg(release);
    for (end, successor) in [
        ("stop", ours),
        ("kill", Kind::JAVA),
        ("kill", ours),
        ("stop", Kind::JAVA),
    ] {
        client.arg(format!("{end}:{successor}"));
    }
    let passed = program::run(&mut server, vec![client], Duration::from_secs(240))?;
    assert_eq!(passed.len(), 1 + 4 * 4 + 1, "{passed:?}");
    let suffix = if compression.is_empty() {
        ""
    } else {
        &format!(".{compression}")
    };
    let snapshots = std::fs::read_dir(server.data_dir().join("version-2"))?;
    let names: Vec<String> = snapshots
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let snapshots = names.iter().filter(|name| name.starts_with("snapshot."));
    let of_this_kind = snapshots.filter(|name| name.ends_with(suffix)).count();
    assert!(of_this_kind > 5, "many snapshots were taken: {names:?}");
    Ok(())
}
