//! The windows an operator looks through. They read the server through one small trait of plain values
//! and own no state.

mod environment;
pub mod four_letter;
mod java_text;
mod listings;
pub mod metrics;
pub mod view;
