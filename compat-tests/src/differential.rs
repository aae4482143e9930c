//! The differential tester: a seed becomes a script, the script is played to a Java server and to ours in lock step, and
//! everything both say (replies, stats, events, the ends of connections) must read the same once times and ids are
//! taken out. A script on which they differ is shrunk to the few steps that matter.
//!
//! | file | what |
//! | --- | --- |
//! | `script` | what a script is made of |
//! | `text`, `parse` | scripts as text, both ways, to be kept and played again |
//! | `dice`, `asks`, `generator` | from a seed to a script |
//! | `encode` | from an operation to the bytes of its request |
//! | `link` | one connection on which nothing is taken for granted |
//! | `player`, `finish` | plays a script to one server; looks over its tree at the end, and empties it |
//! | `describe`, `names` | what a server said, as text without times and ids |
//! | `pair` | two servers, in lock step |
//! | `shrink` | the shortest script that still tells them apart |
//! | `run` | many seeds |

mod asks;
pub mod describe;
pub mod dice;
pub mod encode;
pub mod finish;
pub mod generator;
pub mod link;
pub mod names;
pub mod pair;
pub mod parse;
pub mod player;
pub mod run;
pub mod script;
pub mod shrink;
pub mod text;
