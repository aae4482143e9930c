//! Client ports that move while clients are connected, of members of either kind.

use crate::moving::the_client_port_of_a_member;
use crate::{java, ours};

#[test]
fn of_apaches() {
    the_client_port_of_a_member(java);
}

#[test]
fn of_ours() {
    the_client_port_of_a_member(ours);
}
