//! One connection on which nothing is taken for granted: what comes is a frame, an end, or nothing for too long.

use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use crate::wire::encode::framed;

/// How long any answer may take. Generous: only a broken server reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
/// No reply of a script's is longer.
const LONGEST_FRAME: usize = 1 << 24;

/// What a connection brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole frame, without its length.
    Frame(Vec<u8>),
    /// The end of the connection.
    End,
    /// Neither.
    Silence,
    /// An end inside a frame, or a length that is none.
    Torn,
}

/// A connection to a client port.
#[derive(Debug)]
pub struct Link(BufReader<TcpStream>);

impl Link {
    /// Opens a connection; none if nobody listens there.
    #[must_use]
    pub fn open(server: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(server).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// Sends bytes as they are. A server that has hung up is no error here: listening tells.
    pub fn send(&mut self, bytes: &[u8]) {
        // See above.
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Sends a payload with its length in front.
    pub fn send_frame(&mut self, payload: &[u8]) {
        self.send(&framed(payload));
    }

    /// Waits for what comes next.
    pub fn hear(&mut self) -> Heard {
        let mut length = [0; 4];
        match self.fill(&mut length) {
            Filled::Whole => {}
            Filled::Ended(0) => return Heard::End,
            Filled::Ended(_) => return Heard::Torn,
            Filled::Late => return Heard::Silence,
        }
        let Ok(length) = usize::try_from(i32::from_be_bytes(length)) else {
            return Heard::Torn;
        };
        if length > LONGEST_FRAME {
            return Heard::Torn;
        }
        let mut frame = vec![0; length];
        match self.fill(&mut frame) {
            Filled::Whole => Heard::Frame(frame),
            Filled::Ended(_) => Heard::Torn,
            Filled::Late => Heard::Silence,
        }
    }

    /// Cuts the connection off, and waits until the server has done so as well: Apache's server, when the end of a session's old
    /// connection reaches it at the same time as the new one, may lose track of the new one.
    pub fn cut(mut self) {
        // It may be gone already.
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
        while matches!(self.hear(), Heard::Frame(_)) {}
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Filled {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => return Filled::Ended(filled),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_late(error.kind()) => return Filled::Late,
                // A reset and a broken pipe are ends as well: which one is seen is a matter of luck.
                Err(_) => return Filled::Ended(filled),
            }
        }
        Filled::Whole
    }
}

enum Filled {
    Whole,
    Ended(usize),
    Late,
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn told(bytes: &'static [u8]) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(bytes).unwrap());
        Link::open(address).unwrap()
    }

    #[test]
    fn frames_then_the_end() {
        let mut link = told(&[0, 0, 0, 1, 7, 0, 0, 0, 0]);
        assert_eq!(link.hear(), Heard::Frame(vec![7]));
        assert_eq!(link.hear(), Heard::Frame(vec![]));
        assert_eq!(link.hear(), Heard::End);
    }

    #[test]
    fn what_is_no_frame_is_torn() {
        assert_eq!(told(&[0, 0]).hear(), Heard::Torn);
        assert_eq!(told(&[0, 0, 0, 2, 1]).hear(), Heard::Torn);
        assert_eq!(told(&[255, 0, 0, 0]).hear(), Heard::Torn);
    }
}
