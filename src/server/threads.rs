//! Named threads whose death is noticed.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::server::error::ServerError;
use crate::server::mailbox::Mailbox;

/// What a thread has to say about its end.
pub(super) type Failures = Mailbox<ServerError>;

/// Starts a thread. Its failure, and a broken invariant in it, arrive in `failures`.
///
/// # Errors
/// When the system has no thread left.
pub(super) fn spawn(
    what: &'static str,
    failures: &Arc<Failures>,
    body: impl FnOnce() -> Result<(), ServerError> + Send + 'static,
) -> Result<JoinHandle<()>, ServerError> {
    let failures = Arc::clone(failures);
    let run = move || {
        let ended = panic::catch_unwind(AssertUnwindSafe(body));
        if let Err(error) = ended.unwrap_or(Err(ServerError::Died(what))) {
            failures.send(error);
        }
    };
    let spawned: io::Result<_> = thread::Builder::new().name(what.to_owned()).spawn(run);
    spawned.map_err(|source| ServerError::Thread { what, source })
}
