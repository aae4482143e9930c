//! Any bytes as any record: decoding never panics and never takes more memory than the bytes justify, and what was
//! decoded reads the same after encoding it again.
#![no_main]

use jute::{Field, Reader, to_vec};
use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::{connect, disk, event, reply, request, shared, txn};

macro_rules! there_and_back {
    ($record:ty) => {
        |bytes: &[u8]| {
            let Ok(record) = <$record>::read(&mut Reader::new(bytes)) else {
                return;
            };
            let encoded = to_vec(&record);
            assert_eq!(encoded.len(), record.size(), "the size announced");
            let again = <$record>::read(&mut Reader::new(&encoded).joining_surrogates())
                .expect("what was encoded");
            assert_eq!(again, record);
        }
    };
}

macro_rules! one_of {
    ($choice:expr, $bytes:expr, $($record:ty),* $(,)?) => {{
        let all: &[fn(&[u8])] = &[$(there_and_back!($record)),*];
        all[usize::from($choice) % all.len()]($bytes);
    }};
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    one_of!(
        *choice,
        bytes,
        connect::ConnectRequestHead,
        connect::ConnectResponseHead,
        request::RequestHeader,
        request::CreateRequest,
        request::CreateTtlRequest,
        request::DeleteRequest,
        request::WatchableRequest,
        request::SetDataRequest,
        request::PathRequest,
        request::SetAclRequest,
        request::CheckVersionRequest,
        request::AddWatchRequest,
        request::WatcherTypeRequest,
        request::DeleteContainerRequest,
        request::ReconfigRequest,
        request::AuthPacket,
        request::SaslRequest,
        request::SetWatches,
        request::SetWatches2,
        reply::ReplyHeader,
        reply::PathResponse,
        reply::Create2Response,
        reply::DataResponse,
        reply::AclResponse,
        reply::NumberResponse,
        reply::ErrorResponse,
        reply::ClientInfo,
        reply::SaslResponse,
        event::WatcherEvent,
        shared::Id,
        shared::Acl,
        shared::Stat,
        shared::StatPersisted,
        txn::TxnHeader,
        txn::TxnDigest,
        txn::CreateSessionTxn,
        txn::CloseSessionTxn,
        txn::CreateTxn,
        txn::CreateContainerTxn,
        txn::CreateTtlTxn,
        txn::DeleteTxn,
        txn::SetDataTxn,
        txn::SetAclTxn,
        disk::FileHeader,
        disk::SessionRecord,
        disk::NodeRecord,
        disk::DigestSection,
    );
});
