//! The command line: arguments, settings file, logging, exit code.

use std::time::Duration;

use oxkeeper::config::Config;
use oxkeeper::server;
use signal_hook::consts::{SIGINT, SIGTERM};

fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("OXKEEPER_LOG")
                .unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let mut props = Vec::new();
    let mut file = None;
    for arg in std::env::args().skip(2) {
        match arg.strip_prefix("-D") {
            Some(p) => {
                let (k, v) = p.split_once('=').unwrap_or((p, ""));
                props.push((k.to_owned(), v.to_owned()));
            }
            None => file = Some(arg),
        }
    }
    let loaded = match file {
        Some(file) => Config::from_zoo_cfg(&std::fs::read(&file).unwrap(), &file, &props),
        None => Config::embedded_default("/tmp/oxdata", &props),
    };
    let loaded = loaded.unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2)
    });
    let server = server::start(&loaded.config).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(i32::from(e.exit_code()))
    });
    tracing::info!("serving on {:?}", server.client_address());
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, stop.clone()).unwrap();
    signal_hook::flag::register(SIGINT, stop.clone()).unwrap();
    loop {
        if let Some(e) = server.failure(Duration::from_millis(100)) {
            eprintln!("{e}");
            std::process::exit(i32::from(e.exit_code()));
        }
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    server.stop().unwrap();
}
