//! A whole server without its wires, driven by scripts and by chance, against a model of ZooKeeper.

mod ask;
mod histories;
mod model;
mod model_reads;
mod model_watches;
mod pair;
mod said;
mod scripts;
mod snapshot;
mod world;
