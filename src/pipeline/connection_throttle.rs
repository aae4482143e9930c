//! How fast sessions are let in: a token bucket, and a probability of being turned away that grows while
//! the bucket is empty. Arithmetic only: time and chance are handed in.

use crate::config::ConnectionThrottle as Settings;
use crate::types::Millis;

/// What a handshake asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A new session.
    New,
    /// A session to be taken up again.
    Renewal,
}

/// `connection_throttle_*` at work.
// apache 3.9.5: server/BlueThrottle.java checkLimit, checkBlue
#[derive(Debug)]
pub struct ConnectionThrottle {
    settings: Settings,
    tokens: u32,
    filled: Millis,
    /// Probability of being turned away, 0 to 1.
    drop: f64,
    adjusted: Millis,
    /// Whether new sessions are known to this server only.
    are_local: bool,
}

impl ConnectionThrottle {
    /// A full bucket; `None` when the settings want no throttle.
    pub fn new(settings: &Settings, now: Millis) -> Option<Self> {
        (settings.tokens > 0).then(|| ConnectionThrottle {
            settings: settings.clone(),
            tokens: settings.tokens,
            filled: now,
            drop: 0.0,
            adjusted: now,
            are_local: false,
        })
    }

    /// With new sessions that are known to this server only, or not.
    #[must_use]
    pub fn with_local_sessions(mut self, are_local: bool) -> Self {
        self.are_local = are_local;
        self
    }

    /// Whether a handshake is let in; its tokens are then taken. `chance` is drawn from 0 (included) to
    /// 1 (excluded).
    pub fn admit(&mut self, arrival: Arrival, now: Millis, chance: f64) -> bool {
        self.refill(now);
        self.adjust(now);
        let cost = self.cost(arrival);
        if chance < self.drop || self.tokens < cost {
            return false;
        }
        self.tokens -= cost;
        true
    }

    fn cost(&self, arrival: Arrival) -> u32 {
        let weights = self.settings.weights.as_ref();
        weights.map_or(1, |weights| match arrival {
            Arrival::New if self.are_local => weights.local,
            Arrival::New => weights.global,
            Arrival::Renewal => weights.renew,
        })
    }

    fn refill(&mut self, now: Millis) {
        let (elapsed, period) = (
            now.0.saturating_sub(self.filled.0),
            i64::from(self.settings.fill_time_ms),
        );
        if elapsed <= period {
            return;
        }
        let refill = elapsed.saturating_mul(i64::from(self.settings.fill_count)) / period;
        let refill = u32::try_from(refill).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(refill).min(self.settings.tokens);
        self.filled = now;
    }

    /// Moves the probability one step, at most once per freeze time.
    fn adjust(&mut self, now: Millis) {
        let Some(freeze_ms) = self.settings.freeze_time_ms else {
            return;
        };
        if now.0.saturating_sub(self.adjusted.0) <= i64::from(freeze_ms) {
            return;
        }
        self.adjusted = now;
        let (max, missing) = (self.settings.tokens, self.settings.tokens - self.tokens);
        let calm = (f64::from(max) * self.settings.decrease_ratio).round();
        if missing == max {
            self.drop = (self.drop + self.settings.drop_increase).min(1.0);
        } else if f64::from(missing) <= calm {
            self.drop = (self.drop - self.settings.drop_decrease).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SessionWeights;

    fn settings(tokens: u32) -> Settings {
        Settings {
            tokens,
            fill_time_ms: 100,
            fill_count: 2,
            freeze_time_ms: None,
            drop_increase: 0.5,
            drop_decrease: 0.25,
            decrease_ratio: 0.5,
            weights: None,
        }
    }

    fn throttle(settings: &Settings) -> ConnectionThrottle {
        ConnectionThrottle::new(settings, Millis(0)).unwrap()
    }

    #[test]
    fn no_tokens_is_no_throttle() {
        assert!(ConnectionThrottle::new(&settings(0), Millis(0)).is_none());
    }

    #[test]
    fn the_bucket_empties_and_fills_with_time() {
        let mut throttle = throttle(&settings(3));
        let mut admitted = |at: i64| {
            (0..9)
                .take_while(|_| throttle.admit(Arrival::New, Millis(at), 0.9))
                .count()
        };
        assert_eq!(admitted(0), 3);
        assert_eq!(admitted(100), 0, "more than the fill time must pass");
        assert_eq!(admitted(101), 2);
        assert_eq!(admitted(1000), 3, "never fuller than full");
        assert_eq!(admitted(i64::MAX), 3, "no overflow");
    }

    #[test]
    fn weights_make_new_sessions_dearer() {
        let weights = SessionWeights {
            global: 3,
            renew: 2,
            local: 1,
        };
        let mut throttle = throttle(&Settings {
            weights: Some(weights),
            ..settings(6)
        });
        assert!(throttle.admit(Arrival::New, Millis(0), 0.9));
        assert!(throttle.admit(Arrival::Renewal, Millis(0), 0.9));
        assert!(
            !throttle.admit(Arrival::Renewal, Millis(0), 0.9),
            "one token is left"
        );
    }

    #[test]
    fn local_sessions_cost_less() {
        let weights = SessionWeights {
            global: 3,
            renew: 2,
            local: 1,
        };
        let settings = Settings {
            weights: Some(weights),
            ..settings(3)
        };
        let mut throttle = throttle(&settings).with_local_sessions(true);
        for admitted in [true, true, true, false] {
            assert_eq!(throttle.admit(Arrival::New, Millis(0), 0.9), admitted);
        }
    }

    #[test]
    fn an_empty_bucket_makes_arrivals_unlucky_until_it_is_full_enough() {
        let mut throttle = throttle(&Settings {
            freeze_time_ms: Some(10),
            fill_time_ms: 1000,
            ..settings(2)
        });
        let unlucky = 0.0;
        assert!(throttle.admit(Arrival::New, Millis(0), unlucky));
        assert!(throttle.admit(Arrival::New, Millis(0), unlucky));
        assert!(!throttle.admit(Arrival::New, Millis(11), 0.9), "empty");
        assert!((throttle.drop - 0.5).abs() < f64::EPSILON);
        assert!(
            !throttle.admit(Arrival::New, Millis(1001), 0.24),
            "full again, but unlucky"
        );
        assert!((throttle.drop - 0.25).abs() < f64::EPSILON);
        assert!(throttle.admit(Arrival::New, Millis(1001), 0.25));
        assert!(
            throttle.admit(Arrival::New, Millis(1012), unlucky),
            "the probability is 0 again"
        );
    }
}
