//! Makes a failing plan smaller while the same law stays broken: fewer faults, fewer clients, milder weather.

use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::run::run;

/// No more runs than this are spent on it.
const RUNS_MAX: usize = 400;

/// A search for a smaller plan.
#[derive(Debug)]
struct Search {
    best: Plan,
    law: &'static str,
    mutant: Option<Mutant>,
    runs: usize,
}

impl Search {
    /// Whether this plan breaks the same law; then it is the best so far.
    fn accepts(&mut self, plan: Plan) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let fails = run(&plan, self.mutant, false)
            .broken
            .is_some_and(|(broken, _)| broken.law == self.law);
        if fails {
            self.best = plan;
        }
        fails
    }

    fn with(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut plan = self.best.clone();
        change(&mut plan);
        self.accepts(plan)
    }

    /// Leaves faults out, first many at once, then single ones.
    fn fewer_faults(&mut self) {
        let mut size = self.best.faults.len();
        while size > 0 {
            let mut at = 0;
            while at < self.best.faults.len() {
                let end = (at + size).min(self.best.faults.len());
                if !self.with(|plan| drop(plan.faults.drain(at..end))) {
                    at = end;
                }
            }
            size /= 2;
        }
    }

    fn milder(&mut self) {
        for clients in 1..self.best.clients {
            if self.with(|plan| plan.clients = clients) {
                break;
            }
        }
        self.with(|plan| plan.depth = 1);
        if self.with(|plan| plan.shape.spares = 0) {
            self.with(|plan| plan.timing.reconfig = false);
        }
        self.with(|plan| plan.shape.observers = 0);
        self.with(|plan| plan.weather.spikes = 0);
        self.with(|plan| plan.weather.ballot_cuts = 0);
        self.with(|plan| plan.weather.skew = 0);
        self.with(|plan| plan.weather.delay.0 = plan.weather.delay.1);
        for fault in 0..self.best.faults.len() {
            while self.with(|plan| plan.faults[fault].length /= 2)
                && self.best.faults[fault].length > 1000
            {}
        }
    }
}

/// A plan that breaks the same law as this one, and is no larger.
pub fn shrink(plan: &Plan, mutant: Option<Mutant>) -> Plan {
    let Some((broken, at)) = run(plan, mutant, false).broken else {
        return plan.clone();
    };
    let mut search = Search {
        best: plan.clone(),
        law: broken.law,
        mutant,
        runs: 0,
    };
    if at < plan.heal_at {
        search.with(|plan| {
            plan.heal_at = at + 1;
            plan.faults.retain(|fault| fault.at <= at);
        });
    }
    search.fewer_faults();
    search.milder();
    search.fewer_faults();
    search.best
}
