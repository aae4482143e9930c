//! `scripts/zkServer.sh` as operators and their tools meet it: output, exit codes, files, environment.
//! A stand-in plays the server, so that these tests are about the script alone; questions to a server
//! go through the real program.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const REAL: &str = env!("CARGO_BIN_EXE_oxkeeper");
const DEADLINE: Duration = Duration::from_secs(60);

/// Prints how it was called; runs until told to stop, or ends at once when its settings say `die`.
const STAND_IN: &str = r#"#!/usr/bin/env bash
[[ $1 == server ]] || exec REAL "$@"
printf '<%s>' "$@"; echo
echo "SERVER_JVMFLAGS=$SERVER_JVMFLAGS JVMFLAGS=$JVMFLAGS"
grep -qs '^die' "${@: -1}" && exit 2
trap 'echo stopped; exit 143' TERM
echo ready
while :; do sleep 0.05; done
"#;

/// A prefix with `bin`, `conf` and, once used, `logs` and `data`.
struct Sandbox {
    dir: tempfile::TempDir,
}

struct Done {
    out: String,
    err: String,
    code: i32,
}

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for name in ["bin", "conf"] {
            fs::create_dir(sandbox.path(name)).unwrap();
        }
        for script in ["zkServer.sh", "zkEnv.sh"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("scripts")
                .join(script);
            symlink(source, sandbox.path("bin").join(script)).unwrap();
        }
        sandbox.program("bin/oxkeeper", &STAND_IN.replace("REAL", REAL));
        sandbox
    }

    /// One with a usual `conf/zoo.cfg`, and lines on top.
    fn with_config(lines: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write(
            "conf/zoo.cfg",
            &format!("dataDir={}\n{lines}", sandbox.path("d").display()),
        );
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Written by another process: a file that this one has open for writing, even in a child that another test
    /// forked a moment ago, cannot be executed.
    fn program(&self, name: &str, text: &str) {
        let mut install = Command::new("install");
        install
            .args(["-m", "755", "/dev/stdin"])
            .arg(self.path(name))
            .stdin(Stdio::piped());
        let mut child = install.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// The script with nothing in its environment but what is needed and a name for the log files.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/zkServer.sh"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear();
        command
            .env("PATH", std::env::var("PATH").unwrap())
            .env("USER", "tester")
            .env("HOSTNAME", "box");
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        done(&mut self.command(arguments))
    }

    /// What the server wrote, once it is ready.
    fn out_file_when_ready(&self) -> String {
        let start = Instant::now();
        loop {
            let text = self.read("logs/zookeeper-tester-server-box.out");
            if text.contains("ready") {
                return text;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "the stand-in never got ready: {text}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Sandbox {
    /// Ends the server this sandbox started, if a test left one.
    fn drop(&mut self) {
        for file in [
            "d/zookeeper_server.pid",
            "data/zookeeper_server.pid",
            "run/zk.pid",
        ] {
            if let Ok(pid) = fs::read_to_string(self.path(file)) {
                let _ = Command::new("kill").arg(pid).stderr(Stdio::null()).status();
            }
        }
    }
}

fn done(command: &mut Command) -> Done {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Done {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn is_alive(pid: &str) -> bool {
    Command::new("kill")
        .args(["-0", pid])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Answers one four-letter word on a free port, as a server in standalone mode or as one that does not serve.
fn answer_once(answer: &'static str) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let question = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = String::new();
        stream.read_to_string(&mut question).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        question
    });
    (port, question)
}

const SRVR: &str = "Zookeeper version: 3.9.5\nMode: standalone\nNode count: 5\n";
const HEADER: &str = "ZooKeeper JMX enabled by default\nUsing config: ";

#[test]
fn start_stop_and_everything_between() {
    let sandbox = Sandbox::with_config("clientPort=2181\n");
    let start = sandbox.run(&["start"]);
    assert_eq!(start.out, "Starting zookeeper ... STARTED\n");
    assert_eq!(start.code, 0, "{}", start.err);
    let config = sandbox.path("bin/../conf/zoo.cfg");
    assert_eq!(start.err, format!("{HEADER}{}\n", config.display()));

    let pid = sandbox.read("d/zookeeper_server.pid");
    assert!(
        pid.bytes().all(|byte| byte.is_ascii_digit()) && is_alive(&pid),
        "{pid:?}"
    );
    let text = sandbox.out_file_when_ready();
    let log_dir = sandbox.path("logs").canonicalize().unwrap();
    let want = format!(
        "<server><-Dzookeeper.log.dir={}><-Dzookeeper.log.file=zookeeper-tester-server-box.log><{}>\n",
        log_dir.display(),
        config.display()
    );
    assert!(text.starts_with(&want), "{text} is not {want}");

    let again = sandbox.run(&["start"]);
    assert_eq!(
        again.out,
        format!("Starting zookeeper ... already running as process {pid}.\n")
    );
    assert_eq!(again.code, 1);

    let stop = sandbox.run(&["stop"]);
    assert_eq!(
        (stop.out.as_str(), stop.code),
        ("Stopping zookeeper ... STOPPED\n", 0)
    );
    assert!(!sandbox.path("d/zookeeper_server.pid").exists());
    let start = Instant::now();
    while !sandbox
        .read("logs/zookeeper-tester-server-box.out")
        .contains("stopped")
    {
        assert!(
            start.elapsed() < DEADLINE,
            "the stand-in was not told to stop"
        );
        thread::sleep(Duration::from_millis(10));
    }

    let stop = sandbox.run(&["stop"]);
    let pid_file = sandbox.path("d/zookeeper_server.pid");
    let want = format!(
        "Stopping zookeeper ... no zookeeper to stop (could not find file {})\n",
        pid_file.display()
    );
    assert_eq!((stop.out, stop.code), (want, 0));
}

#[test]
fn a_server_that_dies_is_reported_and_leaves_no_pid_file() {
    let sandbox = Sandbox::with_config("die=1\n");
    let start = sandbox.run(&["start"]);
    assert_eq!(
        (start.out.as_str(), start.code),
        ("Starting zookeeper ... FAILED TO START\n", 1)
    );
    assert!(!sandbox.path("d/zookeeper_server.pid").exists());
    // Nothing is left that keeps the next start from happening.
    let config = sandbox.read("conf/zoo.cfg").replace("die=1", "");
    sandbox.write("conf/zoo.cfg", &config);
    assert_eq!(sandbox.run(&["start"]).code, 0);
}

#[test]
fn a_pid_file_that_cannot_be_written_is_reported() {
    let sandbox = Sandbox::with_config("");
    fs::create_dir_all(sandbox.path("d/zookeeper_server.pid")).unwrap();
    let start = sandbox.run(&["start"]);
    assert_eq!(
        (start.out.as_str(), start.code),
        ("Starting zookeeper ... FAILED TO WRITE PID\n", 1)
    );
}

#[test]
fn restart_passes_the_chosen_configuration_on() {
    let sandbox = Sandbox::with_config("");
    fs::rename(sandbox.path("conf"), sandbox.path("etc")).unwrap();
    assert_eq!(sandbox.run(&["--config", "etc", "start"]).code, 0);
    let first = sandbox.read("d/zookeeper_server.pid");
    let restart = sandbox.run(&["--config", "etc", "restart"]);
    assert_eq!(
        restart.out,
        "Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n"
    );
    assert_eq!(restart.code, 0);
    assert_eq!(restart.err, format!("{HEADER}etc/zoo.cfg\n").repeat(3));
    assert_ne!(sandbox.read("d/zookeeper_server.pid"), first);
}

#[test]
fn foreground_becomes_the_server() {
    let sandbox = Sandbox::with_config("");
    let mut command = sandbox.command(&["start-foreground"]);
    command
        .env("SERVER_JVMFLAGS", "-Da=1")
        .env("JVMFLAGS", "-Db=2");
    let mut child: Child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"ready\n") {
        let mut byte = [0];
        assert_eq!(
            out.read(&mut byte).unwrap(),
            1,
            "{}",
            String::from_utf8_lossy(&text)
        );
        text.push(byte[0]);
    }
    assert!(String::from_utf8_lossy(&text).contains("SERVER_JVMFLAGS=-Da=1 JVMFLAGS=-Db=2"));
    // The signal goes to the script's process, which is the server by now.
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn foreground_without_exec_returns_the_servers_code() {
    let sandbox = Sandbox::with_config("die=1\n");
    let mut command = sandbox.command(&["start-foreground"]);
    assert_eq!(done(command.env("ZOO_NOEXEC", "1")).code, 2);
}

#[test]
fn without_any_configuration_the_built_in_one_is_used() {
    let sandbox = Sandbox::new();
    let start = sandbox.run(&["start"]);
    assert_eq!(
        start.out, "Starting zookeeper ... STARTED\n",
        "{}",
        start.err
    );
    let data = sandbox.path("data").canonicalize().unwrap();
    assert!(
        start.err.contains(&format!(
            "Using config: built in, with data in {}",
            data.display()
        )),
        "{}",
        start.err
    );
    let called = sandbox.out_file_when_ready();
    assert!(
        called.contains(&format!("<--data-dir><{}>", data.display())),
        "{called}"
    );
    assert!(sandbox.path("data/zookeeper_server.pid").is_file());
    assert_eq!(
        sandbox.run(&["stop"]).out,
        "Stopping zookeeper ... STOPPED\n"
    );
}

#[test]
fn a_chosen_configuration_that_is_missing_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.program(
        "bin/oxkeeper",
        &format!("#!/usr/bin/env bash\nexec {REAL} \"$@\"\n"),
    );
    for arguments in [
        ["start-foreground", "other.cfg"].as_slice(),
        &["start-foreground", "./other.cfg"],
        &["--config", "conf", "start-foreground"],
    ] {
        let start = sandbox.run(arguments);
        assert_eq!(start.code, 2, "{arguments:?}");
        assert!(
            start.out.contains("file is missing"),
            "{arguments:?}: {}",
            start.out
        );
        assert!(
            start.err.ends_with("Invalid config, exiting abnormally\n"),
            "{arguments:?}: {}",
            start.err
        );
    }
    let chosen_by_name = done(
        sandbox
            .command(&["start-foreground"])
            .env("ZOOCFG", "other.cfg"),
    );
    assert_eq!(chosen_by_name.code, 2);
}

#[test]
fn the_configuration_is_a_name_or_a_path() {
    let sandbox = Sandbox::with_config("");
    fs::copy(sandbox.path("conf/zoo.cfg"), sandbox.path("conf/b.cfg")).unwrap();
    fs::create_dir(sandbox.path("sub")).unwrap();
    fs::copy(sandbox.path("conf/zoo.cfg"), sandbox.path("sub/c.cfg")).unwrap();
    let used = |command: &mut Command| {
        let err = done(command).err;
        err.lines()
            .find_map(|line| line.strip_prefix("Using config: ").map(str::to_owned))
            .unwrap()
    };
    let conf = sandbox.path("bin/../conf");
    assert_eq!(
        used(&mut sandbox.command(&["stop", "b.cfg"])),
        conf.join("b.cfg").display().to_string()
    );
    assert_eq!(
        used(&mut sandbox.command(&["stop", "sub/c.cfg"])),
        "sub/c.cfg"
    );
    assert_eq!(
        used(sandbox.command(&["stop"]).env("ZOOCFG", "b.cfg")),
        conf.join("b.cfg").display().to_string()
    );
    assert_eq!(
        used(sandbox.command(&["stop"]).env("ZOOCFGDIR", "sub")),
        "sub/zoo.cfg"
    );
    assert_eq!(
        used(&mut sandbox.command(&["--config", "sub", "stop", "c.cfg"])),
        "sub/c.cfg"
    );
    sandbox.write("conf/zookeeper-env.sh", "ZOOCFG=b.cfg\n");
    assert_eq!(
        used(&mut sandbox.command(&["stop"])),
        conf.join("b.cfg").display().to_string()
    );
}

#[test]
fn files_of_the_environment_are_sourced() {
    let sandbox = Sandbox::with_config("");
    sandbox.write("conf/java.env", "JVMFLAGS='-Dzookeeper.snapCount=7'\n");
    sandbox.write(
        "conf/zookeeper-env.sh",
        "ZOO_LOG_DIR=elsewhere ZOOPIDFILE=run/zk.pid\n",
    );
    let start = sandbox.run(&["start"]);
    assert_eq!(start.code, 0, "{}", start.err);
    let start = Instant::now();
    let out = "elsewhere/zookeeper-tester-server-box.out";
    while !sandbox
        .read(out)
        .contains("JVMFLAGS=-Dzookeeper.snapCount=7")
    {
        assert!(start.elapsed() < DEADLINE, "{}", sandbox.read(out));
        thread::sleep(Duration::from_millis(10));
    }
    assert!(is_alive(&sandbox.read("run/zk.pid")));
    assert_eq!(
        sandbox.run(&["stop"]).out,
        "Stopping zookeeper ... STOPPED\n"
    );
}

#[test]
fn usage_goes_to_stderr_with_code_0() {
    let sandbox = Sandbox::with_config("");
    for arguments in [[].as_slice(), &["upgrade"], &["START"], &["--config"]] {
        let usage = sandbox.run(arguments);
        let script = sandbox.path("bin/zkServer.sh");
        let line = format!(
            "Usage: {} [--config <conf-dir>] {{start|start-foreground|stop|version|restart|status|print-cmd}}\n",
            script.display()
        );
        assert!(usage.err.ends_with(&line), "{arguments:?}: {}", usage.err);
        assert_eq!((usage.out.as_str(), usage.code), ("", 0), "{arguments:?}");
    }
    assert!(
        !sandbox.path("logs").exists() && !sandbox.path("d").exists(),
        "asking for help creates nothing"
    );
}

#[test]
fn jmx_lines_stay() {
    let sandbox = Sandbox::with_config("");
    let first_lines = |variables: &[(&str, &str)]| {
        let err = done(sandbox.command(&["stop"]).envs(variables.iter().copied())).err;
        err.split("Using config").next().unwrap().to_owned()
    };
    assert_eq!(first_lines(&[]), "ZooKeeper JMX enabled by default\n");
    assert_eq!(
        first_lines(&[("JMXDISABLE", "false")]),
        "ZooKeeper JMX enabled by default\n"
    );
    assert_eq!(
        first_lines(&[("JMXDISABLE", "true")]),
        "JMX disabled by user request\n"
    );
    assert_eq!(
        first_lines(&[
            ("JMXPORT", "9999"),
            ("JMXHOSTNAME", "h"),
            ("JMXSSL", "true")
        ]),
        "ZooKeeper JMX enabled by default\nZooKeeper remote JMX Port set to 9999\n\
         ZooKeeper remote JMX authenticate set to false\nZooKeeper remote JMX ssl set to true\n\
         ZooKeeper remote JMX log4j set to true\nZooKeeper remote JMX Hostname set to h\n"
    );
}

#[test]
fn status_finds_the_port_where_the_settings_have_it() {
    let member = "server.2=other:1:2;2999\nserver.1=here:2888:3888:participant;";
    for (lines, dynamic, address) in [
        ("clientPort=PORT\n", "", "localhost"),
        (
            " clientPort : PORT \nclientPortAddress=127.0.0.1\n",
            "",
            "127.0.0.1",
        ),
        ("clientPort=1\nclientPort=PORT\n", "", "localhost"),
        (&format!("{member}PORT\n"), "", "localhost"),
        (&format!("{member}127.0.0.1:PORT\n"), "", "127.0.0.1"),
        (&format!("{member}[127.0.0.1]:PORT\n"), "", "127.0.0.1"),
        (
            "dynamicConfigFile=conf/dynamic\n",
            &format!("{member}localhost:PORT\n"),
            "localhost",
        ),
    ] {
        let (port, question) = answer_once(SRVR);
        let fill = |text: &str| text.replace("PORT", &port.to_string());
        let sandbox = Sandbox::with_config(&fill(lines));
        sandbox.write("conf/dynamic", &fill(dynamic));
        fs::create_dir(sandbox.path("d")).unwrap();
        sandbox.write("d/myid", "1\n");
        let status = sandbox.run(&["status"]);
        let found =
            format!("Client port found: {port}. Client address: {address}. Client SSL: false.\n");
        assert!(
            status.out.ends_with(&format!("{found}Mode: standalone\n")),
            "{lines}: {}",
            status.out
        );
        let looked =
            "Client port not found in static config file. Looking in dynamic config file.\n";
        assert_eq!(status.out.contains(looked), !dynamic.is_empty(), "{lines}");
        assert_eq!(status.code, 0, "{lines}");
        assert_eq!(question.join().unwrap(), "srvr", "{lines}");
    }
}

#[test]
fn status_of_what_is_not_serving_is_1() {
    let (port, question) =
        answer_once("This ZooKeeper instance is not currently serving requests\n");
    let sandbox = Sandbox::with_config(&format!("clientPort={port}\n"));
    let found =
        format!("Client port found: {port}. Client address: localhost. Client SSL: false.\n");
    let sorry = "Error contacting service. It is probably not running.\n";
    let status = sandbox.run(&["status"]);
    assert_eq!((status.out, status.code), (format!("{found}{sorry}"), 1));
    question.join().unwrap();
    // Now nobody listens there.
    let status = sandbox.run(&["status"]);
    assert_eq!((status.out, status.code), (format!("{found}{sorry}"), 1));
}

#[test]
fn status_without_a_port_says_where_it_looked() {
    let sandbox = Sandbox::with_config("secureClientPort=2281\n");
    let status = sandbox.run(&["status"]);
    assert_eq!(status.code, 1);
    assert!(status.out.starts_with(
        "myid could not be determined, will not able to locate clientPort in the server configs.\n"
    ));
    assert!(
        status.out.contains(
            "Client port not found. Looking for secureClientPort in the static config.\n"
        )
    );
    assert!(
        status
            .out
            .contains("Client port found: 2281. Client address: localhost. Client SSL: true.\n")
    );
    assert!(
        status.out.contains(
            "Note: We used secureClientPort (2281) to establish connection, but we failed."
        )
    );
    assert!(
        status
            .out
            .ends_with("Error contacting service. It is probably not running.\n")
    );

    let sandbox = Sandbox::with_config("");
    fs::create_dir(sandbox.path("d")).unwrap();
    sandbox.write("d/myid", "1");
    let status = sandbox.run(&["status"]);
    assert_eq!(status.code, 1);
    assert_eq!(
        status.out,
        "Client port not found in static config file. Looking in dynamic config file.\n\
         Client port not found in the server configs\n\
         Client port not found. Looking for secureClientPort in the static config.\n\
         Unable to find either secure or unsecure client port in any configs. Terminating.\n"
    );
}

#[test]
fn version_is_one_line_in_apaches_words() {
    let version = Sandbox::new().run(&["version"]);
    let rest = version
        .out
        .strip_prefix("Apache ZooKeeper, version 3.9.5 ")
        .unwrap();
    assert_eq!(rest.len(), "yyyy-MM-dd HH:mm UTC\n".len());
    assert!(rest.ends_with(" UTC\n"));
    assert_eq!(version.code, 0);
    assert!(version.err.contains("Oxkeeper "), "{}", version.err);
}

#[test]
fn the_printed_command_is_one_line_and_runs() {
    let sandbox = Sandbox::with_config("die=1\n");
    let mut command = sandbox.command(&["print-cmd"]);
    let printed = done(command.env("JVMFLAGS", "-Da='b c'"));
    assert_eq!(
        (printed.code, printed.out.lines().count()),
        (0, 1),
        "{}",
        printed.out
    );
    assert!(!sandbox.path("logs").exists(), "printing creates nothing");
    fs::create_dir(sandbox.path("logs")).unwrap();
    let mut shell = Command::new("bash");
    assert_eq!(
        shell.arg("-c").arg(&printed.out).status().unwrap().code(),
        Some(2)
    );
    let text = sandbox.read("logs/zookeeper-tester-server-box.out");
    assert!(text.contains("JVMFLAGS=-Da='b c'"), "{text}");
}

#[test]
fn missing_directories_are_reported_when_creating_them_is_switched_off() {
    let sandbox = Sandbox::with_config("dataLogDir=LOGS\n");
    let config = sandbox
        .read("conf/zoo.cfg")
        .replace("LOGS", &sandbox.path("l").display().to_string());
    sandbox.write("conf/zoo.cfg", &config);
    let run = || {
        done(
            sandbox
                .command(&["start"])
                .env("ZOO_DATADIR_AUTOCREATE_DISABLE", "1"),
        )
    };
    let missing = run();
    let data = sandbox.path("d");
    let want = format!(
        "ZooKeeper data directory is missing at {} fix the path or run initialize\n",
        data.display()
    );
    assert_eq!((missing.out, missing.code), (want, 1));
    fs::create_dir_all(sandbox.path("d/version-2")).unwrap();
    let missing = run();
    let logs = sandbox.path("l");
    let want = format!(
        "ZooKeeper txnlog directory is missing at {} fix the path or run initialize\n",
        logs.display()
    );
    assert_eq!((missing.out, missing.code), (want, 1));
    fs::create_dir_all(sandbox.path("l/version-2")).unwrap();
    assert_eq!(run().code, 0);
    assert!(
        sandbox
            .out_file_when_ready()
            .contains("<-Dzookeeper.datadir.autocreate=false>")
    );
}

#[test]
fn a_source_tree_is_built_once() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.path("bin/oxkeeper"), sandbox.path("built")).unwrap();
    sandbox.write("Cargo.toml", "");
    fs::create_dir(sandbox.path("tools")).unwrap();
    sandbox.program(
        "tools/cargo",
        "#!/usr/bin/env bash\necho \"cargo $* in $PWD\"\nmkdir -p target/release\nmv built target/release/oxkeeper\n",
    );
    let tools = sandbox.path("tools").display().to_string();
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap());
    let first = done(sandbox.command(&["version"]).env("PATH", &path));
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(
        first.out.starts_with("Apache ZooKeeper, version "),
        "{}",
        first.out
    );
    assert_eq!(
        first.out.lines().count(),
        1,
        "building writes to stderr only: {}",
        first.out
    );
    let root = sandbox.dir.path().canonicalize().unwrap();
    assert!(
        first.err.contains(&format!(
            "cargo build --release --bin oxkeeper in {}",
            root.display()
        )),
        "{}",
        first.err
    );
    let second = done(sandbox.command(&["version"]).env("PATH", &path));
    assert!(!second.err.contains("cargo"), "{}", second.err);
}

#[test]
fn no_program_and_no_way_to_build_one_is_said_clearly() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("bin/oxkeeper")).unwrap();
    // A PATH that has the tools the script uses, and nothing else.
    fs::create_dir(sandbox.path("tools")).unwrap();
    for tool in [
        "bash", "env", "dirname", "sed", "tail", "cat", "mkdir", "grep",
    ] {
        let which = done(
            Command::new("bash")
                .arg("-c")
                .arg(format!("type -P {tool}")),
        );
        symlink(which.out.trim(), sandbox.path("tools").join(tool)).unwrap();
    }
    let run = || {
        done(
            sandbox
                .command(&["start"])
                .env("PATH", sandbox.path("tools")),
        )
    };
    let missing = run();
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .err
            .contains("Error: no oxkeeper beside the scripts"),
        "{}",
        missing.err
    );
    assert_eq!(missing.out, "");
    sandbox.write("Cargo.toml", "");
    let missing = run();
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("cargo could not be found in PATH"),
        "{}",
        missing.err
    );
    let wrong = done(
        sandbox
            .command(&["start"])
            .env("OXKEEPER", "/nonexistent/oxkeeper"),
    );
    assert_eq!(wrong.code, 1);
    assert!(
        wrong
            .err
            .contains("OXKEEPER is set to /nonexistent/oxkeeper"),
        "{}",
        wrong.err
    );
}
