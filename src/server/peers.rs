//! The ports to other servers: set up from the settings, served by one thread, heard by the line.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::net::peer;
use crate::net::peer::{
    AddressBook, BallotLetter, BallotPort, Ballots, ElectionPort, ElectionSettings, LinePort,
    Links, Ports, QuorumPort, Reachability, SnapshotPort,
};
use crate::proto::ballot::HelloVersion;
use crate::server::error::ServerError;
use crate::server::line::Letter;
use crate::server::mailbox::Mailbox;
use crate::server::settings;
use crate::server::threads::Failures;
use crate::types::ServerId;

/// Between two attempts to bind the election port.
const BIND_PAUSE: Duration = Duration::from_secs(1);

/// How long another server may be silent before the next ballot goes over a new connection.
const BALLOT_SILENCE: Duration = Duration::from_secs(5);

/// The line as the peers thread sees it.
struct Ears {
    line: Arc<Mailbox<Letter>>,
    failures: Arc<Failures>,
    /// For the message that the election port cannot be bound.
    me: ServerId,
}

impl LinePort for Ears {
    fn post(&self, letter: peer::Letter) {
        self.line.put(Letter::Peer(letter));
    }

    fn wake(&self) {
        self.line.wake();
    }
}

impl BallotPort for Ears {
    fn ballot(&self, letter: BallotLetter) {
        self.line.put(Letter::Ballot(letter));
    }

    fn wake(&self) {
        self.line.wake();
    }

    fn deaf(&self) {
        self.failures.send(ServerError::ElectionPort(self.me));
    }
}

/// The peers thread before it runs.
pub(super) struct PeersThread {
    quorum: QuorumPort,
    election: ElectionPort,
}

/// What the line needs to reach other servers, and what serves them.
pub(super) struct Peers {
    pub(super) links: Links,
    pub(super) ballots: Ballots,
    pub(super) thread: PeersThread,
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

impl Peers {
    /// The ports of this member, not served yet.
    pub(super) fn new(
        config: &Config,
        (me, book): (ServerId, AddressBook),
        snapshots: Arc<dyn SnapshotPort>,
        line: &Arc<Mailbox<Letter>>,
        failures: &Arc<Failures>,
    ) -> Peers {
        let ears = Arc::new(Ears {
            line: Arc::clone(line),
            failures: Arc::clone(failures),
            me,
        });
        let ports = Ports {
            line: Arc::clone(&ears) as _,
            snapshots,
        };
        let (links, quorum) = peer::quorum(quorum_settings(config), ports);
        let (ballots, election) = peer::election(election_settings(config, me), book, ears);
        Peers {
            links,
            ballots,
            thread: PeersThread { quorum, election },
        }
    }
}

impl PeersThread {
    /// Serves both ports until they are told to stop.
    ///
    /// # Errors
    /// When the runtime cannot be built.
    pub(super) fn run(self) -> Result<(), ServerError> {
        let served = peer::run(self.quorum, self.election.serve());
        served.map_err(|source| ServerError::Thread {
            what: "peers",
            source,
        })
    }
}

fn quorum_settings(config: &Config) -> peer::Settings {
    let quorum = &config.quorum;
    peer::Settings {
        field_bytes_max: settings::field_bytes_max(config),
        dial_pause: millis(quorum.leader_connect_delay_ms),
        listen_on_all_ips: quorum.listen_on_all_ips,
        leader_no_delay: quorum.leader_no_delay,
        follower_no_delay: quorum.learner_no_delay,
    }
}

fn election_settings(config: &Config, me: ServerId) -> ElectionSettings {
    let quorum = &config.quorum;
    let sync_limit =
        millis(config.timing.tick_time_ms).saturating_mul(quorum.sync_limit_ticks.max(1));
    ElectionSettings {
        me,
        dial_within: millis(quorum.election_connect_ms),
        hello_within: quorum.election_hello_ms.map_or(sync_limit, millis),
        reachability: reachability(config),
        silent_within: BALLOT_SILENCE,
        keep_alive: quorum.tcp_keep_alive,
        listen_on_all_ips: quorum.listen_on_all_ips,
        hello: match quorum.announces_all_addresses {
            true => HelloVersion::V2,
            false => HelloVersion::V1,
        },
        bind_attempts: quorum.election_bind_tries.unwrap_or(0),
        bind_pause: BIND_PAUSE,
    }
}

/// Only who announces several addresses asks for them.
fn reachability(config: &Config) -> Option<Reachability> {
    let quorum = &config.quorum;
    let limit = quorum
        .reachability_ms
        .filter(|_| quorum.announces_all_addresses);
    limit.map(|ms| Reachability::new(millis(ms)))
}
