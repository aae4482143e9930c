//! What tests of several threads' files need: the shared state of an empty server.

use std::sync::Arc;

use crate::config::Config;
use crate::pipeline::State;
use crate::server::settings;
use crate::server::shared::Shared;
use crate::session::Sessions;
use crate::tree::{Tree, TreeOptions};
use crate::types::{OwnerRules, Zxid};
use crate::watch::Watches;

/// An empty server with these settings.
pub(super) fn shared(config: &Config) -> Shared {
    let options = TreeOptions {
        digest: true,
        owner_rules: OwnerRules::default(),
        hash_seed: 1,
    };
    let state = State {
        tree: Tree::new(options),
        sessions: Sessions::new(2000),
        last_zxid: Zxid::ZERO,
    };
    let rules = Arc::new(settings::rules(config));
    Shared::new(
        state,
        Watches::new(1),
        rules,
        settings::large_requests(config),
    )
}
