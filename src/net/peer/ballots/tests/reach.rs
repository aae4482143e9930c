//! Connections with servers of several addresses.

use super::*;

/// Server 5, and server 1 at two ports of this machine.
fn five(probed: u16, within: Duration) -> (Bench, [Reserved; 3]) {
    let ports = [reserve(), reserve(), reserve()];
    let mut book = book(&[(5, ports[0].at), (1, ports[1].at)]);
    let second = ElectionAddress {
        host: ports[2].at.ip().to_string(),
        port: ports[2].at.port(),
    };
    let known = book.members.get_mut(&ServerId(1));
    known.expect("it is in the book").push(second);
    let reachability = Reachability {
        within,
        port: probed,
    };
    let settings = ElectionSettings {
        reachability: Some(reachability),
        ..settings(5)
    };
    (Bench::with(settings, book), ports)
}

/// A port at which nobody answers any more: its queue is full, and nobody accepts.
async fn mute() -> (Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a free port");
    socket.listen(0).expect("a queue");
    let at = socket.local_addr().expect("bound").as_socket();
    let at = at.expect("an IPv4 address");
    let (mut queued, mut unanswered) = (Vec::new(), 0);
    while unanswered < 2 {
        match timeout(Duration::from_millis(300), TcpStream::connect(at)).await {
            Ok(stream) => queued.push(stream.expect("a queue")),
            Err(_) => unanswered += 1,
        }
    }
    (socket, queued)
}

fn port(socket: &Socket) -> u16 {
    let at = socket.local_addr().expect("bound").as_socket();
    at.expect("an IPv4 address").port()
}

#[test]
fn a_connection_to_where_nobody_answers_is_made_anew() {
    run(async {
        let (mute, _queued) = mute().await;
        let (bench, ports) = five(port(&mute), Duration::from_millis(20));
        let first_door = listener(&ports[1]);
        bench.send(1, 1);
        let mut first = Raw::accept(&first_door).await;
        assert_eq!(first.hello().await.from, ServerId(5));
        assert_eq!(first.round().await, 1);
        // The machine answers elsewhere only.
        drop(first_door);
        let second_door = listener(&ports[2]);
        bench.send(1, 2);
        let mut second = Raw::accept(&second_door).await;
        assert_eq!(second.hello().await.from, ServerId(5));
        assert_eq!(second.round().await, 2);
        while first.more().await > 0 {}
        bench.stop().await;
    });
}

#[test]
fn a_refusal_is_an_answer() {
    run(async {
        let nobody = reserve();
        let (bench, ports) = five(nobody.at.port(), PATIENCE);
        let door = listener(&ports[1]);
        bench.send(1, 1);
        let mut call = Raw::accept(&door).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        for round in 1..20 {
            assert_eq!(call.round().await, round);
            bench.send(1, round + 1);
        }
        assert_eq!(call.round().await, 20);
        bench.stop().await;
    });
}

#[test]
fn who_accepts_answers() {
    run(async {
        let taken = reserve();
        let _listener = listener(&taken);
        let checks = Reachability {
            within: PATIENCE,
            port: taken.at.port(),
        };
        assert!(checks.answers(taken.at.ip()).await);
        let (mute, _queued) = mute().await;
        let checks = Reachability {
            within: Duration::from_millis(20),
            port: port(&mute),
        };
        assert!(!checks.answers(Ipv4Addr::LOCALHOST.into()).await);
    });
}
