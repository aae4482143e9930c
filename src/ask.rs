//! Asks a server a four-letter word: what `zkServer.sh status` needs, without `nc` or Java.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// To connect, and then for every read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends `word` to the first address of `host` that accepts, and returns all it answers.
// apache 3.9.5: client/FourLetterWordMain.java send4LetterWord
pub(crate) fn ask(host: &str, port: u16, word: &str) -> io::Result<Vec<u8>> {
    let mut stream = connect(host, port)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(word.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, format!("{host} has no address"));
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn the_whole_answer_comes_back_and_the_server_sees_the_end_of_the_question() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            stream.read_to_end(&mut question).unwrap();
            stream.write_all(b"Mode: standalone\n").unwrap();
            question
        });
        assert_eq!(
            ask("127.0.0.1", port, "srvr").unwrap(),
            b"Mode: standalone\n"
        );
        assert_eq!(server.join().unwrap(), b"srvr");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert!(ask("127.0.0.1", port, "srvr").is_err());
    }
}
