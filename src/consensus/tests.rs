//! Peers as a whole: transcripts of one, and small ensembles.

mod change;
mod ensemble;
mod house;
