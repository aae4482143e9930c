//! Peers as a whole: transcripts of one, and small ensembles.

mod ensemble;
mod house;
