//! When a flush waits for company.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn pending(records: u32, flushed_ago: Option<Duration>) -> Pending {
    Pending {
        records,
        last: Some(Zxid(1)),
        flushed: flushed_ago.map(|ago| Instant::now().checked_sub(ago).unwrap()),
    }
}

#[test]
fn a_write_waits_for_company_only_soon_after_a_flush() {
    let policy = FlushPolicy {
        delay: MINUTE,
        idle: Duration::from_secs(20),
        records_max: Some(10),
    };
    assert_eq!(policy.patience(&pending(1, None)), None, "the first of all");
    assert_eq!(policy.patience(&pending(1, Some(MINUTE))), None);
    assert_eq!(policy.patience(&pending(0, Some(Duration::ZERO))), None);
    assert_eq!(
        policy.patience(&pending(10, Some(Duration::ZERO))),
        None,
        "full"
    );
    assert_eq!(
        policy.patience(&pending(9, Some(Duration::ZERO))),
        Some(policy.idle)
    );
    let late = policy.patience(&pending(1, Some(Duration::from_secs(50))));
    assert!(
        late.is_some_and(|wait| wait <= Duration::from_secs(10)),
        "{late:?}"
    );
}

#[test]
fn without_a_delay_nothing_waits() {
    let policy = FlushPolicy {
        delay: Duration::ZERO,
        idle: Duration::ZERO,
        records_max: None,
    };
    assert_eq!(policy.patience(&pending(1, Some(Duration::ZERO))), None);
}
