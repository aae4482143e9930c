//! A ballot's bytes, in their frame. Every release has added to the end of them, and the length tells which one
//! speaks.

use bytes::{Buf, Bytes, BytesMut};
use jute::{DecodeError, Reader, Writer};
use thiserror::Error;

use crate::proto::ballot::{Ballot, PeerState};
use crate::proto::frame::{self, BadLength, PREFIX_BYTES};
use crate::types::{ServerId, Zxid};

/// The longest message on the election port, in bytes (`PACKETMAXSIZE`).
pub const FRAME_BYTES_MAX: usize = 524_288;

/// Length of the form without the epoch of the proposed leader.
const OLDEST_BYTES: usize = 28;
/// Length of the form without a membership.
const PLAIN_BYTES: usize = 40;
/// The last format version that has no membership.
const PLAIN_VERSION_MAX: i32 = 1;

/// Why a message of the election port is skipped. The connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BallotError {
    /// Shorter than any release sends.
    #[error("Got a short response: {0} bytes, at least 28 were expected")]
    Short(usize),
    /// It ends in the middle of a field.
    #[error("partial / malformed response message ({bytes} bytes): {error}")]
    Partial {
        /// Its length.
        bytes: usize,
        /// Where.
        error: DecodeError,
    },
    /// A membership longer than the message.
    #[error(
        "Invalid configLength in notification message! capacity={bytes}, configLength={length}"
    )]
    ConfigLength {
        /// Length of the message.
        bytes: usize,
        /// The length read.
        length: i32,
    },
    /// The sender is in a state that does not exist.
    #[error("unknown server state {0}")]
    State(i32),
}

/// Cuts the first message off what a connection has received; `None` while it is not complete.
///
/// # Errors
/// When no message has that length: the connection must end.
pub fn split(input: &mut BytesMut) -> Result<Option<Bytes>, BadLength> {
    if frame::length(input) == Some(0) {
        return Err(BadLength {
            length: 0,
            limit: FRAME_BYTES_MAX,
        });
    }
    let Some((message, _)) = frame::split(input, FRAME_BYTES_MAX)? else {
        return Ok(None);
    };
    let length = message.len();
    input.advance(PREFIX_BYTES);
    Ok(Some(input.split_to(length).freeze()))
}

impl Ballot {
    /// The format version servers have sent since release 3.5.
    pub const VERSION: i32 = 2;

    /// Appends the message and its length in front. A version below 2 has no place for a membership.
    ///
    /// # Panics
    /// When the membership's text is 2 GiB or longer.
    // apache 3.9.5: server/quorum/FastLeaderElection.java buildMsg
    pub fn append(&self, out: &mut Vec<u8>) {
        let config =
            (self.version > PLAIN_VERSION_MAX).then(|| self.config.as_deref().unwrap_or_default());
        let config_bytes = config.map_or(0, |text| 4 + text.len());
        let mut writer = Writer::new(out);
        writer.count(Some(PLAIN_BYTES + config_bytes));
        writer.int(i32::from(self.state as u8));
        writer.long(self.leader.0);
        writer.long(self.zxid.0);
        writer.long(self.round);
        writer.long(self.epoch);
        writer.int(self.version);
        if config.is_some() {
            writer.buffer(config);
        }
    }

    /// What a message says. An empty membership counts as none.
    ///
    /// # Errors
    /// When the message must be skipped.
    // apache 3.9.5: server/quorum/FastLeaderElection.java WorkerReceiver.run
    pub fn decode(message: &Bytes) -> Result<Self, BallotError> {
        let bytes = message.len();
        if bytes < OLDEST_BYTES {
            return Err(BallotError::Short(bytes));
        }
        let partial = |error| BallotError::Partial { bytes, error };
        let mut reader = Reader::new(message);
        let state = reader.int().map_err(partial)?;
        let mut ballot = fields(&mut reader, bytes).map_err(partial)?;
        if ballot.version > PLAIN_VERSION_MAX {
            ballot.config = config(&mut reader, message)?;
        }
        ballot.state = PeerState::from_code(state).ok_or(BallotError::State(state))?;
        Ok(ballot)
    }
}

/// What stands between the state and the membership.
fn fields(reader: &mut Reader<'_>, bytes: usize) -> Result<Ballot, DecodeError> {
    let leader = ServerId(reader.long()?);
    let zxid = Zxid(reader.long()?);
    let round = reader.long()?;
    let epoch = match bytes {
        OLDEST_BYTES => zxid.epoch(),
        _ => reader.long()?,
    };
    let version = match bytes {
        // What the last four bytes of the middle form hold, nobody has ever looked at.
        OLDEST_BYTES | PLAIN_BYTES => 0,
        _ => reader.int()?,
    };
    Ok(Ballot {
        state: PeerState::Looking,
        leader,
        zxid,
        round,
        epoch,
        version,
        config: None,
    })
}

fn config(reader: &mut Reader<'_>, message: &Bytes) -> Result<Option<Bytes>, BallotError> {
    let bytes = message.len();
    let partial = |error| BallotError::Partial { bytes, error };
    let length = reader.int().map_err(partial)?;
    let in_message = |length: &usize| *length <= bytes;
    let wanted = usize::try_from(length).ok().filter(in_message);
    let wanted = wanted.ok_or(BallotError::ConfigLength { bytes, length })?;
    let text = reader.take(wanted).map_err(partial)?;
    Ok(Some(message.slice_ref(text)).filter(|text| !text.is_empty()))
}

impl PeerState {
    fn from_code(code: i32) -> Option<Self> {
        let all = [
            PeerState::Looking,
            PeerState::Following,
            PeerState::Leading,
            PeerState::Observing,
        ];
        usize::try_from(code)
            .ok()
            .and_then(|code| all.get(code).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ballot(version: i32, config: Option<&'static str>) -> Ballot {
        Ballot {
            state: PeerState::Looking,
            leader: ServerId(3),
            zxid: Zxid(0x5_0000_0007),
            round: 1,
            epoch: 5,
            version,
            config: config.map(Bytes::from),
        }
    }

    fn message(ballot: &Ballot) -> Vec<u8> {
        let mut out = Vec::new();
        ballot.append(&mut out);
        out.split_off(4)
    }

    fn decode(bytes: &[u8]) -> Result<Ballot, BallotError> {
        Ballot::decode(&Bytes::copy_from_slice(bytes))
    }

    const CONFIG: &str = "server.1=10.0.0.1:2888:3888:participant;10.0.0.1:2181\n\
                          server.2=10.0.0.2:2888:3888:participant;10.0.0.2:2181\n\
                          server.3=10.0.0.3:2888:3888:observer;0.0.0.0:2181\n\
                          version=100000000";

    /// State, leader, zxid, round.
    const OLDEST: [u8; 28] = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1,
    ];

    #[test]
    fn ballots_are_apaches_byte_for_byte() {
        let ballot = ballot(2, Some(CONFIG));
        let epoch_version_length = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 0xaf];
        let want = [&OLDEST[..], &epoch_version_length, CONFIG.as_bytes()].concat();
        let mut out = Vec::new();
        ballot.append(&mut out);
        assert_eq!(out, [&219i32.to_be_bytes()[..], &want].concat());
        assert_eq!(decode(&want), Ok(ballot));
    }

    #[test]
    fn the_oldest_form_takes_the_epoch_from_the_zxid() {
        assert_eq!(decode(&OLDEST), Ok(ballot(0, None)));
    }

    #[test]
    fn the_middle_form_has_no_version_whatever_it_says() {
        let middle = message(&ballot(1, None));
        assert_eq!(middle.len(), 40);
        assert_eq!(middle[36..], [0, 0, 0, 1]);
        assert_eq!(decode(&middle), Ok(ballot(0, None)));
    }

    #[test]
    fn a_longer_message_of_version_1_has_no_membership() {
        let mut longer = message(&ballot(1, None));
        longer.extend([0, 0, 0, 1, b'x']);
        assert_eq!(decode(&longer), Ok(ballot(1, None)));
    }

    #[test]
    fn what_follows_the_membership_does_not_matter() {
        let mut longer = message(&ballot(2, Some(CONFIG)));
        longer.extend(b"news of later releases");
        assert_eq!(decode(&longer), Ok(ballot(2, Some(CONFIG))));
    }

    #[test]
    fn messages_that_end_too_soon_are_skipped() {
        let whole = message(&ballot(2, Some(CONFIG)));
        for bytes in 0..whole.len() {
            match (bytes, decode(&whole[..bytes])) {
                (..28, Err(BallotError::Short(short))) => assert_eq!(short, bytes),
                (28 | 40, Ok(ballot)) => assert_eq!((ballot.version, ballot.config), (0, None)),
                (29..40 | 41..44, Err(BallotError::Partial { .. })) => {}
                (44.., Err(BallotError::Partial { .. } | BallotError::ConfigLength { .. })) => {}
                (_, other) => panic!("{bytes}: {other:?}"),
            }
        }
    }

    #[test]
    fn lengths_of_memberships_are_checked() {
        let mut bytes = message(&ballot(2, Some("x")));
        for length in [-1, i32::MIN, i32::MAX, 46] {
            bytes[40..44].copy_from_slice(&length.to_be_bytes());
            let want = BallotError::ConfigLength { bytes: 45, length };
            assert_eq!(decode(&bytes), Err(want));
        }
        bytes[43] = 45;
        assert!(matches!(decode(&bytes), Err(BallotError::Partial { .. })));
        bytes[40..44].copy_from_slice(&0i32.to_be_bytes());
        assert_eq!(decode(&bytes), Ok(ballot(2, None)));
    }

    #[test]
    fn states_are_those_of_apache() {
        for (code, want) in [
            (0, Some(PeerState::Looking)),
            (1, Some(PeerState::Following)),
            (2, Some(PeerState::Leading)),
            (3, Some(PeerState::Observing)),
            (4, None),
            (-1, None),
        ] {
            let mut bytes = message(&ballot(2, None));
            bytes[..4].copy_from_slice(&i32::to_be_bytes(code));
            let state = decode(&bytes).map(|ballot| ballot.state);
            assert_eq!(state, want.ok_or(BallotError::State(code)));
        }
    }

    #[test]
    fn frames_hold_1_to_524288_bytes() {
        let length = |length: i32| split(&mut BytesMut::from(&length.to_be_bytes()[..]));
        assert_eq!(length(1), Ok(None));
        assert_eq!(length(524_288), Ok(None));
        for bad in [0, -1, 524_289, i32::MAX, i32::MIN] {
            assert_eq!(length(bad).map_err(|bad| bad.length), Err(bad));
        }
        let mut input = BytesMut::from(&[0, 0, 0, 2, 7, 8, 0, 0][..]);
        assert_eq!(split(&mut input), Ok(Some(Bytes::from_static(&[7, 8]))));
        assert_eq!((split(&mut input), &input[..]), (Ok(None), &[0, 0][..]));
    }

    proptest! {
        #[test]
        fn ballots_come_back(
            numbers: [i64; 4],
            state in 0..4i32,
            config in prop::option::of("[ -~]{1,80}"),
        ) {
            let [leader, zxid, round, epoch] = numbers;
            let ballot = Ballot {
                state: PeerState::from_code(state).expect("a state"),
                leader: ServerId(leader),
                zxid: Zxid(zxid),
                round,
                epoch,
                version: Ballot::VERSION,
                config: config.map(Bytes::from),
            };
            prop_assert_eq!(decode(&message(&ballot)), Ok(ballot));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let _ = decode(&[&OLDEST[..], &bytes].concat());
            let _ = split(&mut BytesMut::from(&bytes[..]));
        }
    }
}
