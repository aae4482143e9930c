//! What clients of an ensemble did and saw, and whether it is what ZooKeeper promises: writes are linearizable, a
//! client never goes back in time, a multi is all or nothing, what was acknowledged is there in the end, once.
//!
//! Every reply of a server carries a zxid, and every node the zxids of its changes. So nothing has to be searched for: each
//! promise is a comparison of numbers, and a history is checked in the time that sorting it takes.
//!
//! Not promised, and not checked: that a read, even after a `sync`, sees what another client was told. A leader that
//! does not know yet that it leads nobody answers both, with either server.

mod presence;
mod registers;
mod sequences;

/// One call of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which client; it makes one call at a time.
    pub client: usize,
    /// When the call was sent, on a clock that all clients share.
    pub began: u64,
    /// When its answer, or the news that there will be none, was there.
    pub ended: u64,
    /// The zxid in the answer's header; 0 when none came.
    pub zxid: i64,
    /// What was asked for.
    pub act: Act,
    /// What came of it.
    pub answer: Answer,
}

/// What a client asks for. Values and marks are never used twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Sets registers, all or none: (register, value). Registers begin with value 0 and version 0.
    Write(Vec<(usize, u64)>),
    /// Reads registers at one moment.
    Read(Vec<usize>),
    /// Creates a node with a number in the one folder of numbered nodes, with this data.
    Append(u64),
    /// Lists that folder with every node's data.
    ReadAppended,
    /// Creates an ephemeral node of this name; the name is never used again.
    Hold(u64),
    /// Ends the session that holds it.
    LetGo(u64),
    /// Lists the ephemeral nodes.
    WhoHolds,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Registers have got these versions.
    Written(Vec<i32>),
    /// Registers are so.
    Are(Vec<Seen>),
    /// The node has this number.
    Appended(u64),
    /// All numbered nodes.
    Sequence(Vec<Numbered>),
    /// An ephemeral node was created, or a session ended.
    Done,
    /// These ephemeral nodes are there.
    Held(Vec<u64>),
    /// It was refused: it has no effect.
    Refused,
    /// No answer came: it has an effect now, later or never, but once.
    Unknown,
}

/// A register as a read shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its value.
    pub value: u64,
    /// How often it was set.
    pub version: i32,
    /// Which transaction set it.
    pub mzxid: i64,
}

/// A numbered node as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// The number in its name.
    pub number: u64,
    /// Its data.
    pub mark: u64,
    /// Which transaction created it.
    pub czxid: i64,
}

/// Checks everything; `events` in any order.
///
/// # Errors
/// The promises that were broken, in words, each with the events that show it.
pub fn check(events: &[Event]) -> Result<(), Vec<String>> {
    let mut broken = Vec::new();
    real_time(events, &mut broken);
    sessions(events, &mut broken);
    registers::check(events, &mut broken);
    sequences::check(events, &mut broken);
    presence::check(events, &mut broken);
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

/// Whether it was a change that went through, of which the zxid in the answer is therefore the transaction's.
fn went_through(event: &Event) -> bool {
    matches!(
        event.answer,
        Answer::Written(_) | Answer::Appended(_) | Answer::Done
    )
}

/// A change that begins after another was acknowledged is a later transaction.
fn real_time(events: &[Event], broken: &mut Vec<String>) {
    let mut begun: Vec<&Event> = events.iter().filter(|event| went_through(event)).collect();
    let mut ended = begun.clone();
    begun.sort_by_key(|event| event.began);
    ended.sort_by_key(|event| event.ended);
    let mut ended = ended.into_iter().peekable();
    let mut latest: Option<&Event> = None;
    for event in begun {
        while let Some(before) = ended.next_if(|before| before.ended < event.began) {
            if latest.is_none_or(|latest| latest.zxid < before.zxid) {
                latest = Some(before);
            }
        }
        if let Some(before) = latest.filter(|before| before.zxid >= event.zxid) {
            broken.push(format!(
                "a later change is an earlier transaction: {before:?}, then {event:?}"
            ));
        }
    }
}

/// No client is shown a state before one that it was shown.
fn sessions(events: &[Event], broken: &mut Vec<String>) {
    for events in by_client(events) {
        let answered = events.iter().filter(|event| event.zxid != 0);
        let answered: Vec<_> = answered.collect();
        for pair in answered
            .windows(2)
            .filter(|pair| pair[1].zxid < pair[0].zxid)
        {
            broken.push(format!(
                "a client went back in time: {:?}, then {:?}",
                pair[0], pair[1]
            ));
        }
    }
}

/// The events of each client, in its order.
fn by_client(events: &[Event]) -> Vec<Vec<&Event>> {
    let mut clients: Vec<Vec<&Event>> = Vec::new();
    for event in events {
        if clients.len() <= event.client {
            clients.resize(event.client + 1, Vec::new());
        }
        clients[event.client].push(event);
    }
    for events in &mut clients {
        events.sort_by_key(|event| event.began);
    }
    clients
}

#[cfg(test)]
mod tests;
