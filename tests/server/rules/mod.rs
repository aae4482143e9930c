//! The rules that must always hold, each with tests of its own, named after it. That another server can
//! take over the files at any moment is tested against that server, among the compatibility tests.

mod a_crash_is_normal;
mod a_session_is_fifo;
mod acknowledged_means_durable;
mod bad_input_costs_one_connection;
mod events_before_news;
mod one_order;
mod stopping;
