//! Pass-through keys of leaders, learners and elections.

use crate::config::known::Feature::Ensemble;
use crate::config::known::Status::{Later, NoEffect};
use crate::config::known::{Key, rows};

const JAVA_DESIGN: &str = "it tunes threads and queues that this server does not have";
const TEST_HOOK: &str = "it is a hook of Apache's own tests";

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "leaderServes" | "yes" | "yes, no" | Later(Ensemble);
    "leader.maxConcurrentSnapSyncs" | "10" | "learners" | Later(Ensemble);
    "leader.maxConcurrentDiffSyncs" | "100" | "learners" | Later(Ensemble);
    "leader.maxTimeToWaitForEpoch" | "-1" | "ms" | Later(Ensemble);
    "leader.ackLoggingFrequency" | "1000" | "zxids" | Later(Ensemble);
    "leaderConnectDelayDuringRetryMs" | "100" | "ms" | Later(Ensemble);
    "cnxTimeout" | "5000" | "ms" | Later(Ensemble);
    "quorumCnxnTimeoutMs" | "-1" | "ms" | Later(Ensemble);
    "tcpKeepAlive" | "false" | "true, false" | Later(Ensemble);
    "electionPortBindRetry" | "3" | "tries" | Later(Ensemble);
    "fastleader.minNotificationInterval" | "200" | "ms" | Later(Ensemble);
    "fastleader.maxNotificationInterval" | "60000" | "ms" | Later(Ensemble);
    "observer.reconnectDelayMs" | "0" | "ms" | Later(Ensemble);
    "observer.election.DelayMs" | "200" | "ms" | Later(Ensemble);
    "observer.syncEnabled" | "unset" | "true, false" | Later(Ensemble);
    "observerMaster.sizeLimit" | "33554432" | "bytes" | Later(Ensemble);
    "leader.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "learner.closeSocketAsync" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "learner.asyncSending" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "follower.skipLearnerRequestToNextProcessor" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "forward_learner_requests_to_commit_processor_disabled" | "false" | "true, false" | NoEffect(JAVA_DESIGN);
    "testingonly.initialZxid" | "unset" | "zxid" | NoEffect(TEST_HOOK);
    "test.allowDiscontinuousProposals" | "false" | "true, false" | NoEffect(TEST_HOOK);
    "controllerPort" | "unset" | "TCP port" | NoEffect("only Apache's fault-injection server reads it");
};
