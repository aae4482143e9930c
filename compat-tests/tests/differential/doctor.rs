//! A server with a planted fault: ours, behind a proxy that falsifies what it says.

use std::io::Read;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;

use anyhow::Result;
use compat_tests::differential::pair::Pair;
use compat_tests::differential::pair::Servers;
use compat_tests::differential::script::House;
use compat_tests::server::Kind;

/// Changes a frame on its way to the client; one that is emptied makes the proxy hang up. Returns whether it goes on.
pub type Treatment = fn(&mut Vec<u8>) -> bool;

/// Our server twice, the second one falsified.
pub struct Doctored {
    pair: Pair,
    proxy: SocketAddr,
}

impl Doctored {
    /// Starts servers and proxy.
    pub fn start(house: House, treatment: Treatment) -> Result<Self> {
        let pair = Pair::start([Kind::Oxkeeper, Kind::Oxkeeper], house)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = listener.local_addr()?;
        let server = pair.addresses()[1];
        // Ends with the test program; it holds nothing but a port.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(server) {
                    connect(client, server, treatment);
                }
            }
        });
        Ok(Self { pair, proxy })
    }
}

impl Servers for Doctored {
    fn addresses(&self) -> [SocketAddr; 2] {
        [self.pair.addresses()[0], self.proxy]
    }
}

fn connect(client: TcpStream, server: TcpStream, treatment: Treatment) {
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    thread::spawn(move || {
        // Either end may go at any time.
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || falsify(server, client, treatment));
}

fn falsify(mut server: TcpStream, mut client: TcpStream, treatment: Treatment) {
    while let Some(mut frame) = frame(&mut server) {
        if !treatment(&mut frame) {
            continue;
        }
        let length = u32::try_from(frame.len()).expect("frames are short");
        let whole = [&length.to_be_bytes()[..], &frame].concat();
        if frame.is_empty() || client.write_all(&whole).is_err() {
            break;
        }
    }
    // Either end may have gone.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn frame(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?];
    from.read_exact(&mut frame).ok()?;
    Some(frame)
}
