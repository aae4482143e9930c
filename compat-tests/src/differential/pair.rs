//! Two servers in lock step: both take the same step, and only if both said the same comes the next one.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use anyhow::Context as _;
use anyhow::Result;
use tempfile::TempDir;

use crate::differential::finish::Keeper;
use crate::differential::player::Player;
use crate::differential::script::House;
use crate::differential::script::Script;
use crate::server::Kind;
use crate::server::Server;

/// Where two servers said something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the step. The number of steps stands for the look over the tree at the end, and one more for the
    /// clearing of it.
    pub step: usize,
    /// What both said, line by line.
    pub heard: [Vec<String>; 2],
}

impl Difference {
    /// For a person to read.
    #[must_use]
    pub fn report(&self, script: &Script, names: [&str; 2]) -> String {
        let what = match script.steps.get(self.step) {
            Some(step) => format!("step {}: {step}", self.step),
            None if self.step == script.steps.len() => "the tree at the end".to_owned(),
            None => "clearing up".to_owned(),
        };
        let mut text = format!("{what}\n");
        let [one, two] = &self.heard;
        for (name, lines, other) in [(names[0], one, two), (names[1], two, one)] {
            text.push_str(&format!("  {name} said\n"));
            let odd = lines.iter().filter(|line| !other.contains(line));
            let odd: Vec<&String> = odd.collect();
            let shown: Vec<&String> = if odd.is_empty() || lines.len() < 12 {
                lines.iter().collect()
            } else {
                odd
            };
            for line in shown {
                text.push_str(&format!("    {line}\n"));
            }
        }
        text
    }
}

/// What one of the two is told to do.
#[derive(Clone, Copy, Debug)]
enum Order {
    Step(usize),
    Tree,
    Tidy,
}

/// Plays a script to two servers. Returns the first difference.
///
/// # Errors
/// When one of them serves nobody even before the first step.
pub fn play(servers: [SocketAddr; 2], script: &Script) -> Result<Option<Difference>> {
    play_showing(servers, script, |_, _| {})
}

/// As [`play`]; what both say as one is shown as well, step by step.
///
/// # Errors
/// As [`play`].
pub fn play_showing(
    servers: [SocketAddr; 2],
    script: &Script,
    mut show: impl FnMut(usize, &[String]),
) -> Result<Option<Difference>> {
    let mut one = Side::begin(servers[0])?;
    let two = Side::begin(servers[1])?;
    let steps = script.steps.len();
    let orders = (0..steps)
        .map(Order::Step)
        .chain([Order::Tree, Order::Tidy]);
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel::<Order>();
        let (say, said) = mpsc::channel();
        scope.spawn(move || {
            let mut two = two;
            for order in told {
                // Nobody listens any more after a difference.
                let _ = say.send(two.obey(order, script));
            }
        });
        for (step, order) in orders.enumerate() {
            tell.send(order).context("the other side is there")?;
            let heard = one.obey(order, script);
            let other = said.recv().context("the other side answers")?;
            if heard != other {
                return Ok(Some(Difference {
                    step,
                    heard: [heard, other],
                }));
            }
            show(step, &heard);
        }
        Ok(None)
    })
}

/// One of the two servers, and the script on it.
struct Side {
    keeper: Keeper,
    player: Option<Player>,
}

impl Side {
    fn begin(server: SocketAddr) -> Result<Self> {
        let begin = || {
            let mut keeper = Keeper::open(server)?;
            let zxid = keeper.last_zxid()?;
            let player = Some(Player::new(server, zxid));
            Some(Self { keeper, player })
        };
        begin().with_context(|| format!("the server at {server} grants no session"))
    }

    fn obey(&mut self, order: Order, script: &Script) -> Vec<String> {
        let keeper = &mut self.keeper;
        match (order, &mut self.player) {
            (Order::Step(step), Some(player)) => player.step(&script.steps[step], keeper),
            (Order::Tree, Some(player)) => player.tree(keeper),
            (Order::Tidy, player) => player
                .take()
                .map_or_else(Vec::new, |player| player.tidy(keeper)),
            _ => Vec::new(),
        }
    }
}

fn in_memory() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("differential-");
    match builder.tempdir_in("/dev/shm") {
        Ok(dir) => Ok(dir),
        Err(_) => Ok(builder.tempdir()?),
    }
}

/// Two processes, set up alike, with their data in memory where there is such a place: what survives is not asked here, and
/// waiting for a disk is most of the time otherwise.
#[derive(Debug)]
pub struct Pair {
    servers: [Server; 2],
    _data: [TempDir; 2],
}

impl Pair {
    /// Starts both on empty data directories.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(kinds: [Kind; 2], house: House) -> Result<Self> {
        let [one, two] = kinds;
        let data = [in_memory()?, in_memory()?];
        let options = data
            .each_ref()
            .map(|dir| house.options().data_dir(dir.path()));
        let [options, other_options] = options;
        let servers = thread::scope(|scope| {
            let other = scope.spawn(|| Server::start(two, other_options));
            let one = Server::start(one, options)?;
            let two = other.join().ok().context("starting a server panicked")??;
            anyhow::Ok([one, two])
        })?;
        Ok(Self {
            servers,
            _data: data,
        })
    }
}

/// Two running servers, whoever they are. They end when it is dropped.
pub trait Servers {
    /// Their client ports.
    fn addresses(&self) -> [SocketAddr; 2];
}

impl Servers for Pair {
    fn addresses(&self) -> [SocketAddr; 2] {
        let address = |server: &Server| SocketAddr::from(([127, 0, 0, 1], server.port()));
        self.servers.each_ref().map(address)
    }
}
