//! reconfig, as a standalone server answers it: never.

use crate::ops::Rules;
use crate::types::ErrorCode;

/// Why a standalone server does not reconfigure.
pub(super) fn refusal(rules: &Rules) -> ErrorCode {
    if rules.reconfig_enabled {
        ErrorCode::Unimplemented
    } else {
        ErrorCode::ReconfigDisabled
    }
}
