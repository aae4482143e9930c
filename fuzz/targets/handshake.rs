//! The first bytes of a connection: a four-letter word or the request for a session, before anybody has shown who
//! they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::connect::ConnectRequest;
use oxkeeper::proto::frame;
use oxkeeper::session::secret;
use oxkeeper::types::SessionId;

fuzz_target!(|input: &[u8]| {
    let prefix = frame::prefix(input);
    assert_eq!(prefix.is_some(), input.len() >= frame::PREFIX_BYTES);
    let Ok(Some((payload, rest))) = frame::split(input, 4096) else {
        return;
    };
    assert_eq!(
        frame::PREFIX_BYTES + payload.len() + rest.len(),
        input.len()
    );
    let Ok(request) = ConnectRequest::decode(payload) else {
        return;
    };
    let session = SessionId(request.head.session_id);
    let claimed = request.head.password.unwrap_or_default();
    let owns = secret::verify(session, claimed);
    assert_eq!(
        owns,
        session != SessionId::NONE && claimed == secret::password(session)
    );
});
