//! Peers as a whole: transcripts of one, and small ensembles.

mod change;
mod desk;
mod ensemble;
mod house;
mod leader;
mod learner;
