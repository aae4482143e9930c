//! One TCP connection: bytes and frames, each wait bounded.
//!
//! A connection that the server has ended may read as end of file or as reset: Apache's server sends FIN and then, where it
//! hangs up on a client, RST, and which one is seen first is a matter of luck. Both count as the end here.

use std::io::Error;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use crate::wire::encode::framed;
use crate::wire::encode::to_hex;

/// How long any single answer may take. Generous: a busy machine is not a fault, silence is.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the client port.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
}

impl Conn {
    /// Opens a connection and sends nothing.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    #[track_caller]
    pub fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the client port accepts connections");
        stream
            .set_nodelay(true)
            .expect("a fresh socket takes options");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a fresh socket takes options");
        Self { stream }
    }

    /// Sends bytes as they are. A server that has hung up is no error here: reading tells.
    ///
    /// # Panics
    /// When the server takes nothing for [`PATIENCE`].
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            assert!(is_gone(&error), "the server takes what is sent: {error}");
        }
    }

    /// Sends the payload with its length in front.
    #[track_caller]
    pub fn send_frame(&mut self, payload: &[u8]) {
        self.send(&framed(payload));
    }

    /// Sends FIN; reading goes on.
    pub fn finish_sending(&mut self) {
        // A server that has reset the connection already leaves nothing to shut down.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The local address, as the server sees it.
    #[must_use]
    #[track_caller]
    pub fn local_addr(&self) -> SocketAddr {
        self.stream
            .local_addr()
            .expect("an open socket has an address")
    }

    /// The next frame, without its length.
    ///
    /// # Panics
    /// When the connection ends first, or nothing comes.
    #[track_caller]
    pub fn frame(&mut self) -> Vec<u8> {
        self.frame_or_end()
            .expect("a frame, not the end of the connection")
    }

    /// The next frame; `None` when the connection ended before it.
    ///
    /// # Panics
    /// When neither comes, or the connection ends inside a frame.
    #[track_caller]
    pub fn frame_or_end(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        let got = self.fill(&mut length);
        if got == 0 {
            return None;
        }
        assert!(
            got == 4,
            "the connection ends inside a length prefix, after {got} bytes"
        );
        let length = usize::try_from(i32::from_be_bytes(length))
            .expect("the length of a reply is not negative");
        let mut frame = vec![0; length];
        let got = self.fill(&mut frame);
        assert!(
            got == length,
            "the connection ends inside a frame of {length} bytes"
        );
        Some(frame)
    }

    /// Everything until the connection ends.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match self.read_until(deadline, &mut chunk) {
                0 => return seen,
                count => seen.extend_from_slice(&chunk[..count]),
            }
        }
    }

    /// The connection must end without another byte.
    ///
    /// # Panics
    /// When bytes come, or the end does not.
    #[track_caller]
    pub fn ends_silently(&mut self) {
        let bytes = self.rest();
        assert!(bytes.is_empty(), "a silent close, not {}", to_hex(&bytes));
    }

    /// Nothing may come, neither bytes nor the end, for this long. For what can only be seen by its absence.
    ///
    /// # Panics
    /// When something comes.
    #[track_caller]
    pub fn stays_silent_for(&mut self, time: Duration) {
        self.stream
            .set_read_timeout(Some(time))
            .expect("an open socket takes options");
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => unreachable!("silence, not {other:?}"),
        }
    }

    /// Fills the buffer, or as much of it as comes before the end of the connection.
    #[track_caller]
    fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_until(deadline, &mut buffer[filled..]) {
                0 => break,
                count => filled += count,
            }
        }
        filled
    }

    /// Some bytes; none at the end of the connection.
    #[track_caller]
    fn read_until(&mut self, deadline: Instant, buffer: &mut [u8]) -> usize {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(left))
            .expect("an open socket takes options");
        match self.stream.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.read_until(deadline, buffer)
            }
            Err(error) if is_gone(&error) => 0,
            Err(error) => unreachable!("an answer within the deadline: {error}"),
        }
    }
}

/// Whether the error says that the server has hung up. A socket that gets FIN and then RST says `BrokenPipe`, even when read.
fn is_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn talk_to(answer: &'static [u8]) -> Conn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(answer).unwrap());
        Conn::open(address)
    }

    #[test]
    fn reads_frames_and_the_orderly_end() {
        let mut conn = talk_to(&[0, 0, 0, 2, 8, 9, 0, 0, 0, 0]);
        assert_eq!(conn.frame(), [8, 9]);
        assert_eq!(conn.frame(), []);
        assert_eq!(conn.frame_or_end(), None);
    }

    #[test]
    #[should_panic(expected = "a silent close, not 01")]
    fn a_close_with_bytes_is_not_silent() {
        talk_to(&[1]).ends_silently();
    }

    #[test]
    #[should_panic(expected = "ends inside a frame of 9 bytes")]
    fn a_torn_frame_is_noticed() {
        drop(talk_to(&[0, 0, 0, 9, 1]).frame_or_end());
    }
}
