//! What must hold after every step of a peer, as far as one peer can see it. Those laws that can be checked where
//! something happens are assertions there; these look at a peer as a whole.

use crate::consensus::own::Own;
use crate::consensus::peer::Role;

/// Stops the process when a law is broken: going on would spread it.
pub(crate) fn hold(own: &Own, role: &Role) {
    assert!(
        own.current_epoch() <= own.accepted_epoch(),
        "D-1: current epoch {} is above the accepted one {}",
        own.current_epoch(),
        own.accepted_epoch()
    );
    assert!(
        own.durable() <= own.logged() && own.delivered() <= own.logged(),
        "nothing is durable ({}) or applied ({}) that is not logged ({})",
        own.durable(),
        own.delivered(),
        own.logged()
    );
    assert!(
        own.logged().epoch() <= own.current_epoch(),
        "D-1: {} is logged in epoch {}",
        own.logged(),
        own.current_epoch()
    );
    let newest = own.backlog.bounds().map(|(_, last)| last);
    assert!(
        newest.is_none_or(|last| last == own.delivered() || own.delivered().counter() == 0),
        "the backlog ends at {newest:?}, the state at {}",
        own.delivered()
    );
    match role {
        Role::Looking => assert!(
            own.settled() && own.delivered() == own.logged(),
            "an election is about a history that is durable and applied"
        ),
        Role::Leading(leader) => leader.check(own),
        Role::Learning(learner) => learner.check(own),
        _ => {}
    }
}
