//! Four-letter words that list: connections, sessions, ephemeral nodes, watches.

use std::collections::BTreeMap;

use crate::admin::four_letter::line;
use crate::admin::java_text;
use crate::admin::view::{ConnectionFacts, Deadline, ServerView, SessionFacts, Sessions};
use crate::types::OpCode;

/// A connection, briefly, without the closing parenthesis (`stat`).
// apache 3.9.5: server/ServerCnxn.java dumpConnectionInfo
pub(super) fn brief(connection: &ConnectionFacts) -> String {
    let ConnectionFacts {
        peer,
        asks,
        queued,
        received,
        sent,
        ..
    } = connection;
    // The set of socket operations waited for: none on the connection that asks.
    let ops = u8::from(!asks);
    format!(" /{peer}[{ops}](queued={queued},recved={received},sent={sent}")
}

/// A connection, and what its session has been doing.
fn full(connection: &ConnectionFacts) -> String {
    let session = connection.session.as_ref();
    format!(
        "{}{})",
        brief(connection),
        session.map_or_else(String::new, of_session)
    )
}

/// Every connection.
pub(super) fn cons(out: &mut String, view: &dyn ServerView) {
    for connection in view.connections() {
        line(out, format_args!("{}", full(&connection)));
    }
    line(out, format_args!(""));
}

fn of_session(session: &SessionFacts) -> String {
    let SessionFacts {
        id,
        op,
        established_ms,
        timeout_ms,
        cxid,
        zxid,
        replied_ms,
        last_latency_ms,
        latency,
    } = session;
    let cxid = cxid.map_or_else(String::new, |cxid| format!(",lcxid=0x{cxid:x}"));
    let op = op_name(*op);
    // No request was answered: upstream then shows where it begins to look for the least.
    let min = if latency.count == 0 {
        i64::MAX
    } else {
        latency.min
    };
    // A whole number, as upstream divides.
    let avg = latency.sum / i64::try_from(latency.count.max(1)).unwrap_or(i64::MAX);
    format!(
        ",sid={id},lop={op},est={established_ms},to={timeout_ms}{cxid},lzxid=0x{zxid:x},lresp={replied_ms},\
         llat={last_latency_ms},minlat={min},avglat={avg},maxlat={}",
        latency.max
    )
}

/// The four letters of an operation; `NA` for none.
// apache 3.9.5: server/FinalRequestProcessor.java processRequest
fn op_name(op: Option<OpCode>) -> &'static str {
    let Some(op) = op else {
        return "NA";
    };
    match op {
        OpCode::Ping => "PING",
        OpCode::CreateSession => "SESS",
        OpCode::CloseSession => "CLOS",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Create | OpCode::Create2 | OpCode::CreateTtl | OpCode::CreateContainer => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::SetData => "SETD",
        OpCode::Reconfig => "RECO",
        OpCode::SetAcl => "SETA",
        OpCode::Sync => "SYNC",
        OpCode::Check => "CHEC",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::GetAcl => "GETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::WhoAmI => "HOMI",
        OpCode::GetEphemerals => "GETE",
        OpCode::Error | OpCode::Auth | OpCode::Sasl => "NA",
    }
}

/// Sessions and when they expire, ephemeral nodes, connections and when they are given up.
// apache 3.9.5: server/command/DumpCommand.java commandRun
pub(super) fn dump(out: &mut String, view: &dyn ServerView) {
    line(out, format_args!("SessionTracker dump:"));
    let Sessions { local, global } = view.sessions();
    if let Some(local) = &local {
        expiring(out, "Local Session", local);
    }
    match global {
        Ok(deadlines) => {
            let title = if local.is_some() {
                "Global Session"
            } else {
                "Session"
            };
            expiring(out, title, &deadlines);
        }
        Err(known) => {
            line(out, format_args!("Global Sessions({}):", known.len()));
            for (session, timeout_ms) in known {
                line(out, format_args!("{session}\t{timeout_ms}ms"));
            }
        }
    }
    line(out, format_args!("ephemeral nodes dump:"));
    let owners = view.ephemerals();
    line(
        out,
        format_args!("Sessions with Ephemerals ({}):", owners.len()),
    );
    for (session, paths) in owners {
        line(out, format_args!("{session}:"));
        for path in paths {
            line(out, format_args!("\t{path}"));
        }
    }
    line(out, format_args!("Connections dump:"));
    expiring(out, "Connections", &connection_deadlines(view));
}

/// Connections by the time at which each is given up unless it is heard.
fn connection_deadlines(view: &dyn ServerView) -> Vec<Deadline> {
    let mut at: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for connection in view.connections() {
        let name = full(&connection);
        at.entry(connection.idle_until_ms).or_default().push(name);
    }
    let deadlines = at.into_iter();
    deadlines
        .map(|(wall_ms, names)| Deadline { wall_ms, names })
        .collect()
}

/// Things by the time at which they expire.
// apache 3.9.5: server/ExpiryQueue.java dump
fn expiring(out: &mut String, title: &str, deadlines: &[Deadline]) {
    let total: usize = deadlines.iter().map(|at| at.names.len()).sum();
    line(
        out,
        format_args!("{title} Sets ({})/({total}):", deadlines.len()),
    );
    for Deadline { wall_ms, names } in deadlines {
        let date = java_text::date(*wall_ms);
        line(out, format_args!("{} expire at {date}:", names.len()));
        for name in names {
            line(out, format_args!("\t{name}"));
        }
    }
}

/// The data table by path or by connection. Connections go by the number of their session.
// apache 3.9.5: server/watch/WatchManager.java dumpWatches
pub(super) fn watches(out: &mut String, view: &dyn ServerView, by_path: bool) {
    let table = if by_path {
        view.watches_by_path()
    } else {
        view.watches_by_session()
    };
    for (key, values) in table {
        line(out, format_args!("{key}"));
        for value in values {
            line(out, format_args!("\t{value}"));
        }
    }
    line(out, format_args!(""));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::Summary;
    use crate::types::SessionId;

    #[test]
    fn a_session_is_told_as_upstream_does() {
        let mut session = SessionFacts {
            id: SessionId(0x10),
            op: None,
            established_ms: 5,
            timeout_ms: 4000,
            cxid: None,
            zxid: -1,
            replied_ms: 0,
            last_latency_ms: 0,
            latency: Summary::default(),
        };
        assert_eq!(
            of_session(&session),
            ",sid=0x10,lop=NA,est=5,to=4000,lzxid=0xffffffffffffffff,lresp=0,llat=0,\
             minlat=9223372036854775807,avglat=0,maxlat=0"
        );
        session.op = Some(OpCode::GetData);
        session.cxid = Some(26);
        session.zxid = 0x1_0000_0002;
        session.latency = Summary {
            count: 2,
            sum: 5,
            min: 1,
            max: 4,
        };
        assert_eq!(
            of_session(&session),
            ",sid=0x10,lop=GETD,est=5,to=4000,lcxid=0x1a,lzxid=0x100000002,lresp=0,llat=0,\
             minlat=1,avglat=2,maxlat=4"
        );
    }

    #[test]
    fn deadlines_are_told_with_what_expires() {
        let mut out = String::new();
        let at = Deadline {
            wall_ms: 1_700_000_000_000,
            names: vec!["0x1".to_owned(), "0x2".to_owned()],
        };
        expiring(&mut out, "Session", &[at]);
        assert_eq!(
            out,
            "Session Sets (1)/(2):\n2 expire at Tue Nov 14 22:13:20 UTC 2023:\n\t0x1\n\t0x2\n"
        );
    }
}
