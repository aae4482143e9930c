//! Pass-through keys of leaders, learners and elections.

use crate::config::known::Status::{Honoured, NoEffect};
use crate::config::known::{Key, rows};

const JAVA_DESIGN: &str = "it tunes threads and queues that this server does not have";
const TEST_HOOK: &str = "it is a hook of Apache's own tests";

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "leaderServes" | "yes" | "yes, no" | Honoured("no: a leader takes no clients, nor any four-letter word that needs a server");
    "leader.maxConcurrentSnapSyncs" | "10" | "learners" | Honoured("learners that a leader sends snapshots to at once; beyond that observers are turned away");
    "leader.maxConcurrentDiffSyncs" | "100" | "learners" | Honoured("the same for learners that get transactions only");
    "leader.maxTimeToWaitForEpoch" | "-1" | "ms" | Honoured("a leader that has waited longer for learners gives up when a server that voted for it looks for a leader again; -1: it waits for initLimit");
    "leader.ackLoggingFrequency" | "1000" | "zxids" | NoEffect("it thins out a metric, `ack_latency`, that this server does not have");
    "leaderConnectDelayDuringRetryMs" | "100" | "ms" | Honoured("the longest pause between two tries to connect to the leader; the first are shorter");
    "cnxTimeout" | "5000" | "ms" | Honoured("how long a connection to another election port may take to open");
    "quorumCnxnTimeoutMs" | "-1" | "ms" | Honoured("how long a caller at the election port may take to say who it is; -1: syncLimit");
    "tcpKeepAlive" | "false" | "true, false" | Honoured("keep-alive on election connections");
    "electionPortBindRetry" | "3" | "tries" | Honoured("tries to bind the election port, a second apart; 0: for ever");
    "fastleader.minNotificationInterval" | "200" | "ms" | Honoured("first wait for votes");
    "fastleader.maxNotificationInterval" | "60000" | "ms" | Honoured("longest wait for votes, which doubles each time");
    "observer.reconnectDelayMs" | "0" | "ms" | Honoured("longest time an observer waits before it calls its leader; with observerMasterPort, before it calls all followers once more");
    "observer.election.DelayMs" | "200" | "ms" | Honoured("longest time an observer waits before it looks for a leader again");
    "observer.syncEnabled" | "unset" | "true, false" | Honoured("false: an observer writes no log; beats syncEnabled");
    "observerMaster.sizeLimit" | "33554432" | "bytes" | NoEffect("followers keep no packets for observers besides the last transactions (commitLogCount)");
    "leader.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "learner.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "learner.asyncSending" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "follower.skipLearnerRequestToNextProcessor" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "forward_learner_requests_to_commit_processor_disabled" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "testingonly.initialZxid" | "unset" | "zxid" | NoEffect(TEST_HOOK);
    "test.allowDiscontinuousProposals" | "false" | "true, false" | NoEffect(TEST_HOOK);
    "controllerPort" | "unset" | "TCP port" | NoEffect("only Apache's fault-injection server reads it");
};
