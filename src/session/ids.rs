//! Session ids: server, start time, counter. The clock is read elsewhere.

use crate::types::SessionId;

/// Not an id: the owner mark of container nodes.
const CONTAINER_MARK: i64 = i64::MIN;

/// Issues session ids, each once.
#[derive(Debug)]
pub struct SessionIds {
    next: i64,
}

impl SessionIds {
    /// Ids of a server that starts now. `server_id`'s low 8 bits are the top byte (1 on a standalone
    /// server); the low 40 bits of `clock_ms`, any clock that never shows the same twice, come next;
    /// the counter below starts at 0.
    // apache 3.9.5: server/SessionTrackerImpl.java initializeNextSessionId
    pub fn new(server_id: i64, clock_ms: i64) -> Self {
        let time = (clock_ms << 24).cast_unsigned() >> 8;
        SessionIds {
            next: time.cast_signed() | (server_id << 56),
        }
    }

    /// The next id. Never 0, which is nobody, nor the mark of container nodes.
    // Not `Iterator`: ids do not end.
    #[expect(
        clippy::should_implement_trait,
        reason = "a plain verb; there is no end to iterate to"
    )]
    pub fn next(&mut self) -> SessionId {
        while matches!(self.next, 0 | CONTAINER_MARK) {
            self.next += 1;
        }
        let id = SessionId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_time_and_counter_each_have_their_place() {
        let mut ids = SessionIds::new(1, 0x0123_4567_89ab_cdef);
        assert_eq!(ids.next(), SessionId(0x0167_89ab_cdef_0000));
        assert_eq!(ids.next(), SessionId(0x0167_89ab_cdef_0001));
    }

    #[test]
    fn a_clock_with_high_bits_stays_out_of_the_servers_byte() {
        assert_eq!(
            SessionIds::new(2, -1).next(),
            SessionId(0x02ff_ffff_ffff_0000)
        );
    }

    #[test]
    fn ids_of_servers_from_128_on_are_negative() {
        assert_eq!(
            SessionIds::new(255, 5).next(),
            SessionId((-1 << 56) + (5 << 16))
        );
        assert_eq!(
            SessionIds::new(256 + 7, 5).next(),
            SessionId((7 << 56) + (5 << 16))
        );
    }

    #[test]
    fn reserved_numbers_are_skipped() {
        let mut ids = SessionIds::new(128, 0);
        assert_eq!(ids.next(), SessionId(i64::MIN + 1));
        assert_eq!(SessionIds::new(0, 0).next(), SessionId(1));
    }

    #[test]
    fn the_counter_carries_into_the_time() {
        let mut ids = SessionIds::new(1, 0);
        ids.next = (1 << 56) + 0xffff;
        assert_eq!(ids.next(), SessionId((1 << 56) + 0xffff));
        assert_eq!(ids.next(), SessionId((1 << 56) + 0x1_0000));
    }
}
