//! Arguments into a command. Nothing is read or started here.

use clap::{Args, Parser, Subcommand, ValueEnum};
use oxkeeper::bench::args::BenchArgs;
use oxkeeper::config::{JvmFlags, Note, property};

/// A drop-in replacement for the Apache ZooKeeper 3.9.5 server: the same protocol for clients, the same files on
/// disk, the same settings.
///
/// Operators start it with scripts/zkServer.sh, which takes the arguments and environment variables of Apache's
/// script; this program is what the script runs.
#[derive(Debug, Parser)]
#[command(name = "oxkeeper", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// How much to log
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "OXKEEPER_LOG_LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: LogLevel,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a server until it is told to stop
    Server(ServerArgs),
    /// Put load on a server and measure it
    Bench(BenchArgs),
    /// Print the version, in the words of Apache's server
    Version,
    /// Ask a server one of the four-letter words and print its answer
    #[command(name = "4lw", hide = true)]
    FourLetterWord(WordArgs),
}

/// A settings file, or the short form of Apache's server, or nothing.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  oxkeeper server conf/zoo.cfg                         a settings file
  oxkeeper server -Dzookeeper.snapCount=5000 zoo.cfg   a setting on the command line; the file wins over it
  oxkeeper server 2181 /var/lib/zookeeper 2000 60      port, data directory, tick in ms, connections per client
  oxkeeper server                                      port 2181, and every default

Environment:
  SERVER_JVMFLAGS, JVMFLAGS   their -Dname=value parts count, other flags do not; -D on the command line wins

Exit codes:
  1  the server could not start or go on   2  wrong arguments or settings   3  no access to the data directory
  128 + n  ended by signal n")]
pub(crate) struct ServerArgs {
    /// Set a system property, as for java; before or after the file
    #[arg(short = 'D', value_name = "NAME=VALUE", value_parser = parse_property)]
    pub(crate) properties: Vec<(String, String)>,
    /// Where a server without settings keeps its data
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./data",
        conflicts_with = "arguments"
    )]
    pub(crate) data_dir: String,
    /// A settings file, or: port datadir [ticktime] [maxcnxns]
    #[arg(value_name = "FILE | PORT DATADIR [TICKTIME] [MAXCNXNS]")]
    pub(crate) arguments: Vec<String>,
}

/// Whom to ask, and what.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct WordArgs {
    /// Host name or address
    pub(crate) host: String,
    /// Client port
    pub(crate) port: u16,
    /// The word
    pub(crate) word: String,
}

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl ServerArgs {
    /// All pairs of `-D`, the strongest last, and remarks on what was left aside. The arguments are the texts of the
    /// environment variables.
    pub(crate) fn all_properties(
        &self,
        server_jvmflags: &str,
        jvmflags: &str,
    ) -> (Vec<(String, String)>, Vec<Note>) {
        let weakest = JvmFlags::parse("SERVER_JVMFLAGS", server_jvmflags);
        let stronger = JvmFlags::parse("JVMFLAGS", jvmflags);
        let properties = [
            weakest.properties,
            stronger.properties,
            self.properties.clone(),
        ]
        .concat();
        (properties, [weakest.notes, stronger.notes].concat())
    }
}

fn parse_property(text: &str) -> Result<(String, String), String> {
    let (name, value) = property(text);
    if name.is_empty() {
        return Err("a property needs a name, as in -Dzookeeper.snapCount=5000".to_owned());
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn server(words: &[&str]) -> ServerArgs {
        let words = ["oxkeeper", "server"].iter().chain(words);
        match Cli::try_parse_from(words).expect("good arguments").command {
            Command::Server(args) => args,
            other => panic!("not a server: {other:?}"),
        }
    }

    fn refused(words: &[&str]) -> ErrorKind {
        let words = ["oxkeeper"].iter().chain(words);
        Cli::try_parse_from(words)
            .expect_err("bad arguments")
            .kind()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn properties_stand_before_or_after_the_file_joined_or_apart() {
        for words in [
            ["-Da=1", "-Db=2", "zoo.cfg"].as_slice(),
            &["zoo.cfg", "-Da=1", "-Db=2"],
            &["-D", "a=1", "zoo.cfg", "-D", "b=2"],
        ] {
            let args = server(words);
            assert_eq!(args.arguments, ["zoo.cfg"], "{words:?}");
            assert_eq!(
                args.properties,
                [pair("a", "1"), pair("b", "2")],
                "{words:?}"
            );
        }
        assert_eq!(server(&["-Da=b=c"]).properties, [pair("a", "b=c")]);
        assert_eq!(server(&["-Da"]).properties, [pair("a", "")]);
        assert_eq!(server(&["-Da=-1"]).properties, [pair("a", "-1")]);
    }

    #[test]
    fn every_form_of_apaches_server_is_taken() {
        assert_eq!(server(&[]).arguments, Vec::<String>::new());
        assert_eq!(server(&["2181", "/data"]).arguments, ["2181", "/data"]);
        assert_eq!(server(&["2181", "/data", "2000", "60"]).arguments.len(), 4);
        // Five are for `Config::positional` to refuse, in upstream's words.
        assert_eq!(server(&["1", "2", "3", "4", "5"]).arguments.len(), 5);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(
            refused(&["server", "-Xmx1g", "zoo.cfg"]),
            ErrorKind::UnknownArgument
        );
        assert_eq!(refused(&["server", "-D", "=1"]), ErrorKind::ValueValidation);
        assert_eq!(
            refused(&["server", "--data-dir", "x", "zoo.cfg"]),
            ErrorKind::ArgumentConflict
        );
        assert_eq!(refused(&["serve"]), ErrorKind::InvalidSubcommand);
        assert_eq!(
            refused(&["4lw", "localhost", "70000", "srvr"]),
            ErrorKind::ValueValidation
        );
        assert_eq!(
            refused(&["server", "--log-level", "loud"]),
            ErrorKind::InvalidValue
        );
        assert_eq!(
            refused(&[]),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
    }

    #[test]
    fn the_command_line_beats_the_environment() {
        let args = server(&["-Da=cli"]);
        let (properties, notes) = args.all_properties("-Xmx1g -Da=server -Db=server", "-Db=jvm");
        let last = |name: &str| {
            properties
                .iter()
                .rfind(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        assert_eq!(last("a"), Some("cli"));
        assert_eq!(last("b"), Some("jvm"));
        assert_eq!(notes.len(), 1);
    }
}
