//! Ballots of any content from anybody, at any time.

use super::*;
use proptest::prelude::*;

fn ids() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..7i64, 1 => any::<i64>()]
}

fn numbers() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -1..3i64, 1 => any::<i64>()]
}

fn ballots() -> impl Strategy<Value = Ballot> {
    let states = [
        LOOKING,
        PeerState::Following,
        PeerState::Leading,
        PeerState::Observing,
    ];
    let texts = prop::option::of("(version=[0-9a-f]{1,17})?");
    let fields = (ids(), numbers(), numbers(), numbers(), 0..3i32, texts);
    (prop::sample::select(states.to_vec()), fields).prop_map(
        |(state, (leader, zxid, round, epoch, version, text))| Ballot {
            version,
            config: text.map(Bytes::from),
            ..ballot(state, vote(leader, zxid, round, epoch))
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_heard_only_a_quorum_decides(
        observes in any::<bool>(),
        heard in prop::collection::vec((ids(), ballots(), 0..400i64), 0..60),
    ) {
        let mut desk = Desk::of(if observes { 6 } else { 2 }, roll(&[1, 2, 3, 4, 5], &[6]));
        let standing = Standing { observer: observes, ..standing(1, 0) };
        desk.look(standing);
        for (from, ballot, ms) in heard {
            let mut decision = match desk.hear(from, &ballot) {
                Some(Heard::Decided(decision)) => Some(decision),
                Some(Heard::NewerMembership(text)) => {
                    prop_assert_eq!(Some(text), ballot.config);
                    None
                }
                None => None,
            };
            decision = decision.or_else(|| desk.wait(ms));
            if let Some(Decision { state, vote, backers }) = decision {
                prop_assert!(backers.len() >= 3);
                prop_assert!(backers.iter().all(|id| (1..6).contains(&id.0)));
                prop_assert_eq!(state == PeerState::Leading, vote.leader == desk.elector.me);
                prop_assert_eq!(state, desk.elector.state());
                prop_assert_eq!(desk.elector.next_tick(), None);
                desk.look(standing);
            }
            let me = desk.elector.me.0;
            prop_assert!(desk.sent().iter().all(|(to, ..)| *to != me));
        }
    }
}
