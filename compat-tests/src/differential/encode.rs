//! From an operation to the bytes of its request.

use crate::differential::script::Ask;
use crate::differential::script::Bend;
use crate::differential::script::Op;
use crate::differential::script::Path;
use crate::wire::Blob;
use crate::wire::Encoder;
use crate::wire::multi;
use crate::wire::op;
use crate::wire::request;

/// What an operation may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The path of the node that the slot made last.
    pub made: &'a str,
    /// The last zxid of the server.
    pub last_zxid: i64,
}

/// The body of the request, bent as the operation says.
#[must_use]
pub fn body(operation: &Op, context: Context<'_>) -> Vec<u8> {
    let mut body = plain(&operation.ask, context);
    match &operation.bend {
        Some(Bend::Cut(length)) => body.truncate(*length),
        Some(Bend::Flip(bit)) if !body.is_empty() => {
            let place = bit / 8 % body.len();
            body[place] ^= 1 << (bit % 8);
        }
        Some(Bend::Tail(bytes)) => body.extend(bytes),
        Some(Bend::Flip(_)) | None => {}
    }
    body
}

fn plain(ask: &Ask, context: Context<'_>) -> Vec<u8> {
    let at = |path: &Path| resolve(path, context.made);
    match ask {
        Ask::Create {
            kind,
            path,
            data,
            acl,
            flags,
            ttl,
        } => {
            let path = at(path);
            if *kind == op::CREATE_TTL {
                request::create_ttl(path, data.clone(), acl, *flags, *ttl)
            } else {
                request::create(path, data.clone(), acl, *flags)
            }
        }
        Ask::Version { path, version, .. } => request::path_version(at(path), *version),
        Ask::Watch { path, watch, .. } => request::path_watch(at(path), *watch),
        Ask::Path { path, .. } => request::path(at(path)),
        Ask::SetData {
            path,
            data,
            version,
        } => request::set_data(at(path), data.clone(), *version),
        Ask::SetAcl { path, acl, version } => request::set_acl(at(path), acl, *version),
        Ask::Typed { path, of, .. } => request::path_kind(at(path), *of),
        Ask::Multi { asks, .. } => {
            let element = |ask: &Ask| (ask.kind(), plain(ask, context));
            multi::request(&asks.iter().map(element).collect::<Vec<_>>())
        }
        Ask::SetWatches { back, lists, .. } => set_watches(context.last_zxid - back, lists),
        Ask::Auth { scheme, proof } => request::auth(scheme.clone(), proof.clone()),
        Ask::Sasl { token } => Encoder::new().blob(token.clone()).done(),
        Ask::Reconfig {
            joining,
            leaving,
            members,
            version,
        } => request::reconfig(joining.clone(), leaving.clone(), members.clone(), *version),
        Ask::Bare { .. } => Vec::new(),
    }
}

fn resolve(path: &Path, made: &str) -> Blob {
    if !path.made {
        return path.text.clone();
    }
    let mut bytes = made.as_bytes().to_vec();
    bytes.extend(path.text.0.iter().flatten());
    Blob(Some(bytes))
}

fn set_watches(zxid: i64, lists: &[Vec<Blob>]) -> Vec<u8> {
    let mut encoder = Encoder::new().long(zxid);
    for list in lists {
        encoder = encoder.int(i32::try_from(list.len()).expect("lists in scripts are short"));
        for path in list {
            encoder = encoder.blob(path.clone());
        }
    }
    encoder.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Context<'_> = Context {
        made: "/a0",
        last_zxid: 9,
    };

    #[test]
    fn paths_may_stand_behind_the_node_made_last() {
        let path = Path {
            made: true,
            text: Blob::from("/b"),
        };
        let ask = Ask::Path {
            kind: op::SYNC,
            path,
        };
        assert_eq!(body(&ask.into(), CONTEXT), request::path("/a0/b"));
    }

    #[test]
    fn a_body_can_be_bent_in_three_ways() {
        let ask = Ask::Path {
            kind: op::SYNC,
            path: Path::from("/a"),
        };
        let bent = |bend| {
            let ask = ask.clone();
            body(
                &Op {
                    ask,
                    bend: Some(bend),
                },
                CONTEXT,
            )
        };
        assert_eq!(bent(Bend::Cut(3)), [0, 0, 0]);
        assert_eq!(bent(Bend::Flip(8 * 5)), [0, 0, 0, 2, b'/', b'a' ^ 1]);
        assert_eq!(bent(Bend::Tail(vec![7])), [0, 0, 0, 2, b'/', b'a', 7]);
    }
}
