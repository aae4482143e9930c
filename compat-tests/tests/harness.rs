//! The harness itself: a server serves, stops, crashes, comes back on its port and directory, and is gone when dropped.

use anyhow::Result;
use compat_tests::server::{Kind, Options, Server, kinds};

#[test]
fn a_server_serves_stops_crashes_and_comes_back() -> Result<()> {
    for kind in kinds() {
        let mut server = Server::start(kind, Options::default().set("tickTime", 500))?;
        assert!(
            server.four_letter("conf")?.contains("tickTime=500"),
            "{kind}: the setting reached the server"
        );
        let port = server.port();
        server.stop()?;
        assert!(server.four_letter("srvr").is_err(), "{kind}: stopped");
        server.start_again()?;
        server.kill()?;
        assert!(server.four_letter("srvr").is_err(), "{kind}: killed");
        server.start_again()?;
        assert_eq!(server.port(), port);
        assert_eq!(server.four_letter("ruok")?, "imok");
        let address = server.address();
        drop(server);
        assert!(
            std::net::TcpStream::connect(&address).is_err(),
            "{kind}: gone"
        );
    }
    Ok(())
}

#[test]
fn a_server_that_cannot_start_is_reported_with_its_log() {
    let failure =
        Server::start(Kind::JAVA, Options::default().set("tickTime", "soon")).unwrap_err();
    let text = format!("{failure:#}");
    assert!(
        text.contains("instead of serving") && text.contains("\"soon\""),
        "{text}"
    );
}
