//! Peers as a whole: transcripts of one, and small ensembles.

mod catch_up;
mod change;
mod desk;
mod ensemble;
mod house;
mod lead;
mod leader;
mod learner;
mod noise;
mod observer;
mod observer_master;
mod oracle;
