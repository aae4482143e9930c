//! zookeeper-client: every operation that it has, persistent watches and multi reads among them, and a session across a restart and
//! a crash. Usage: compat-rust host:port

use std::io::BufRead as _;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use zookeeper_client::{
    Acl, Acls, AddWatchMode, AuthId, Client, CreateMode, CreateOptions, EnsembleUpdate, Error, EventType,
    MultiReadResult, MultiWriteError, MultiWriteResult, Permission, PersistentWatcher, SessionState,
};

const PATIENCE: Duration = Duration::from_secs(150);
const SESSION: Duration = Duration::from_secs(60);
const OPEN: Acls<'_> = Acls::anyone_all();
const NODE: CreateOptions<'_> = CreateMode::Persistent.with_acls(OPEN);
const EPHEMERAL: CreateOptions<'_> = CreateMode::Ephemeral.with_acls(OPEN);

type Check<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

async fn connect(address: &str) -> Result<Client> {
    let connector = Client::connector().with_session_timeout(SESSION);
    Ok(connector.with_connection_timeout(PATIENCE).connect(address).await?)
}

/// Asks for the server to be acted upon; goes on when that is done.
async fn ask(wish: &str) -> Result<()> {
    println!("ASK {wish}");
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    ensure!(answer.await?? == "DONE\n", "asked to {wish}");
    Ok(())
}

/// The outcome must be this error, and no other.
fn refused<T>(want: Error, outcome: Result<T, Error>) -> Result<()> {
    match outcome {
        Err(error) if error == want => Ok(()),
        Err(error) => bail!("want {want}, not {error}"),
        Ok(_) => bail!("want {want}, but it went through"),
    }
}

async fn nodes(zk: &Client) -> Result<()> {
    let (made, _) = zk.create("/n", b"one", &NODE).await?;
    let (data, stat) = zk.get_data("/n").await?;
    ensure!((data.as_slice(), stat) == (b"one", made), "data and stat");
    ensure!(stat.czxid == stat.mzxid && stat.data_length == 3, "{stat:?}");
    ensure!(zk.set_data("/n", b"two", Some(0)).await?.version == 1, "version");
    zk.create("/n/\u{e4}\u{6f22}", b"x", &NODE).await?;
    zk.create("/n/b", b"", &NODE).await?;
    let (mut children, stat) = zk.get_children("/n").await?;
    children.sort();
    ensure!(children == ["b", "\u{e4}\u{6f22}"] && stat.num_children == 2, "{children:?}");
    ensure!(zk.list_children("/n").await?.len() == 2, "list");
    ensure!(zk.count_descendants_number("/n").await? == 2, "descendants");
    ensure!(zk.check_stat("/nope").await?.is_none(), "exists");
    refused(Error::NodeExists, zk.create("/n", b"", &NODE).await)?;
    refused(Error::NoNode, zk.create("/nope/child", b"", &NODE).await)?;
    refused(Error::NoNode, zk.get_data("/nope").await)?;
    refused(Error::NotEmpty, zk.delete("/n", None).await)?;
    refused(Error::BadVersion, zk.set_data("/n", b"x", Some(9)).await)?;
    refused(Error::BadVersion, zk.delete("/n/b", Some(9)).await)?;
    zk.mkdir("/n/deep/er/still", &NODE).await?;
    zk.sync("/n").await?;
    for path in ["/n/deep/er/still", "/n/deep/er", "/n/deep", "/n/b", "/n/\u{e4}\u{6f22}", "/n"] {
        zk.delete(path, None).await?;
    }
    Ok(())
}

async fn kinds(zk: &Client, address: &str) -> Result<()> {
    zk.create("/k", b"", &NODE).await?;
    let sequential = CreateMode::PersistentSequential.with_acls(OPEN);
    let (_, number) = zk.create("/k/a-", b"", &sequential).await?;
    ensure!(number.into_i64() == 0, "first number {number}");
    let mine = CreateMode::EphemeralSequential.with_acls(OPEN);
    let (stat, number) = zk.create("/k/a-", b"", &mine).await?;
    ensure!(number.into_i64() == 1 && stat.ephemeral_owner != 0, "second number {number}");
    let name = format!("/k/a-{number}");
    ensure!(zk.list_ephemerals("/k").await? == [name.clone()], "ephemerals");
    refused(Error::NoChildrenForEphemerals, zk.create(&format!("{name}/c"), b"", &NODE).await)?;
    let container = CreateMode::Container.with_acls(OPEN);
    ensure!(zk.create("/k/box", b"", &container).await?.0.ephemeral_owner == 0, "container");
    let hour = Duration::from_secs(3600);
    zk.create("/k/ttl", b"", &NODE.with_ttl(hour)).await?;
    zk.create("/k/ttl-", b"", &sequential.with_ttl(hour)).await?;
    let other = connect(address).await?;
    other.create("/k/gone", b"", &EPHEMERAL).await?;
    let (_, watcher) = zk.check_and_watch_stat("/k/gone").await?;
    drop(other);
    ensure!(watcher.changed().await.event_type == EventType::NodeDeleted, "goes with its session");
    Ok(())
}

async fn access(zk: &Client, address: &str) -> Result<()> {
    let alice = connect(address).await?;
    alice.auth("digest", b"alice:secret").await?;
    let users = alice.list_auth_users().await?;
    let known = |scheme: &str, user: &str| users.iter().any(|one| (one.scheme(), one.user()) == (scheme, user));
    ensure!(known("digest", "alice") && known("ip", "127.0.0.1"), "{users:?}");
    let own = CreateMode::Persistent.with_acls(Acls::creator_all());
    alice.create("/acl", b"x", &own).await?;
    refused(Error::NoAuth, zk.get_data("/acl").await)?;
    refused(Error::NoAuth, zk.create("/acl/c", b"", &NODE).await)?;
    refused(Error::InvalidAcl, zk.create("/acl2", b"", &own).await)?;
    let (list, stat) = alice.get_acl("/acl").await?;
    ensure!(list.len() == 1 && list[0].id().starts_with("alice:") && stat.aversion == 0, "{list:?}");
    let local = [
        Acl::new(Permission::ALL, AuthId::new("ip", "127.0.0.1")),
        Acl::new(Permission::READ, AuthId::anyone()),
    ];
    let stat = alice.set_acl("/acl", &local, Some(0)).await?;
    ensure!(stat.aversion == 1, "{stat:?}");
    refused(Error::BadVersion, alice.set_acl("/acl", &OPEN, Some(0)).await)?;
    ensure!(zk.get_acl("/acl").await?.0 == local, "by address");
    zk.delete("/acl", None).await?;
    Ok(())
}

async fn multis(zk: &Client) -> Result<()> {
    let mut writer = zk.new_multi_writer();
    writer.add_create("/m", b"", &NODE)?;
    writer.add_create("/m/a", b"data", &NODE)?;
    writer.add_set_data("/m", b"x", Some(0))?;
    writer.add_check_version("/m", 1)?;
    let results = writer.commit().await?;
    ensure!(
        matches!(
            &results[..],
            [
                MultiWriteResult::Create { path, .. },
                MultiWriteResult::Create { .. },
                MultiWriteResult::SetData { stat },
                MultiWriteResult::Check
            ] if path == "/m" && stat.version == 1
        ),
        "{results:?}"
    );
    writer.add_create("/m/b", b"", &NODE)?;
    writer.add_check_version("/m", 9)?;
    writer.add_delete("/m/a", None)?;
    let outcome = writer.commit().await;
    let place = MultiWriteError::OperationFailed { index: 1, source: Error::BadVersion };
    ensure!(outcome.as_ref().err() == Some(&place), "{outcome:?}");
    ensure!(zk.check_stat("/m/b").await?.is_none(), "nothing of it");
    let mut reader = zk.new_multi_reader();
    reader.add_get_data("/m/a")?;
    reader.add_get_children("/m")?;
    reader.add_get_data("/nope")?;
    let results = reader.commit().await?;
    ensure!(
        matches!(
            &results[..],
            [
                MultiReadResult::Data { data, .. },
                MultiReadResult::Children { children },
                MultiReadResult::Error { err: Error::NoNode }
            ] if data == b"data" && children == &["a"]
        ),
        "{results:?}"
    );
    writer.add_delete("/m/a", None)?;
    writer.add_delete("/m", None)?;
    writer.commit().await?;
    Ok(())
}

async fn hears(watcher: &mut PersistentWatcher, events: &[(EventType, &str)]) -> Result<()> {
    for (kind, path) in events {
        let event = watcher.changed().await;
        ensure!((event.event_type, event.path.as_str()) == (*kind, *path), "want {kind:?} {path}, not {event:?}");
    }
    Ok(())
}

async fn watches(zk: &Client) -> Result<()> {
    zk.create("/w", b"", &NODE).await?;
    let mut recursive = zk.watch("/w", AddWatchMode::PersistentRecursive).await?;
    let mut persistent = zk.watch("/w", AddWatchMode::Persistent).await?;
    let (_, _, data) = zk.get_and_watch_data("/w").await?;
    let (_, children) = zk.list_and_watch_children("/w").await?;
    let (_, missing) = zk.check_and_watch_stat("/w/a").await?;
    zk.set_data("/w", b"x", None).await?;
    zk.create("/w/a", b"", &NODE).await?;
    zk.create("/w/a/b", b"", &NODE).await?;
    ensure!(data.changed().await.event_type == EventType::NodeDataChanged, "data");
    ensure!(children.changed().await.event_type == EventType::NodeChildrenChanged, "children");
    ensure!(missing.changed().await.event_type == EventType::NodeCreated, "created");
    let seen = [
        (EventType::NodeDataChanged, "/w"),
        (EventType::NodeCreated, "/w/a"),
        (EventType::NodeCreated, "/w/a/b"),
    ];
    hears(&mut recursive, &seen).await?;
    let seen = [(EventType::NodeDataChanged, "/w"), (EventType::NodeChildrenChanged, "/w")];
    hears(&mut persistent, &seen).await?;
    drop((recursive, persistent));
    for path in ["/w/a/b", "/w/a", "/w"] {
        zk.delete(path, None).await?;
    }
    Ok(())
}

async fn configuration(zk: &Client) -> Result<()> {
    let (text, stat) = zk.get_config().await?;
    ensure!(text.is_empty() && stat.version == 0, "alone there is none: {text:?} {stat:?}");
    let leaving = EnsembleUpdate::Incremental { joinings: Vec::new().into_iter(), leavings: vec!["1"].into_iter() };
    refused(Error::ReconfigDisabled, zk.update_ensemble(leaving, None).await)
}

/// The session, its watches and its ephemeral nodes outlive the server.
async fn outage(zk: &Client, wish: &str) -> Result<()> {
    let path = format!("/out-{wish}");
    zk.create(&path, b"kept", &NODE).await?;
    let mine = format!("{path}/mine");
    zk.create(&mine, b"", &EPHEMERAL).await?;
    let mut watcher = zk.watch(&path, AddWatchMode::PersistentRecursive).await?;
    let (_, _, once) = zk.get_and_watch_data(&path).await?;
    let mut states = zk.state_watcher();
    states.state();
    ask(wish).await?;
    while states.peek_state() != SessionState::SyncConnected || zk.get_data(&path).await.is_err() {
        states.changed().await;
    }
    ensure!(zk.list_ephemerals(&path).await? == [mine.clone()], "ephemerals");
    zk.set_data(&path, b"after", None).await?;
    ensure!(once.changed().await.event_type == EventType::NodeDataChanged, "data");
    loop {
        let event = watcher.changed().await;
        if event.event_type != EventType::Session {
            ensure!((event.event_type, &event.path) == (EventType::NodeDataChanged, &path), "{event:?}");
            break;
        }
    }
    zk.delete(&mine, None).await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Some(address) = std::env::args().nth(1) else {
        bail!("usage: compat-rust host:port");
    };
    let zk = connect(&address).await?;
    let checks: [(&str, Check<'_>); 8] = [
        ("nodes", Box::pin(nodes(&zk))),
        ("kinds of nodes", Box::pin(kinds(&zk, &address))),
        ("access lists", Box::pin(access(&zk, &address))),
        ("multis", Box::pin(multis(&zk))),
        ("watches", Box::pin(watches(&zk))),
        ("configuration", Box::pin(configuration(&zk))),
        ("a restart", Box::pin(outage(&zk, "restart"))),
        ("a crash", Box::pin(outage(&zk, "kill"))),
    ];
    let mut failed = false;
    for (name, check) in checks {
        match tokio::time::timeout(PATIENCE, check).await {
            Ok(Ok(())) => println!("PASS {name}"),
            Ok(Err(error)) => {
                failed = true;
                println!("FAIL {name}: {error:#}");
            }
            Err(_) => {
                failed = true;
                println!("FAIL {name}: takes too long");
            }
        }
    }
    std::process::exit(i32::from(failed))
}
