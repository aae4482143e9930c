//! A leader's snapshot on its way in.

use bytes::BytesMut;

use crate::net::peer::ports::SnapshotSink;
use crate::net::peer::wire::End;
use crate::storage::format::snap_stream::SnapStreamDecoder;
use crate::types::Zxid;

/// A snapshot that has begun.
pub(super) struct Incoming {
    zxid: Zxid,
    decoder: SnapStreamDecoder,
    sink: Box<dyn SnapshotSink>,
}

impl Incoming {
    /// `record_bytes_max` bounds a string or buffer in it.
    pub(super) fn new(zxid: Zxid, sink: Box<dyn SnapshotSink>, record_bytes_max: usize) -> Self {
        Incoming {
            zxid,
            decoder: SnapStreamDecoder::new(record_bytes_max),
            sink,
        }
    }

    /// Takes whole records off the front. True when the snapshot is complete: the rest is not part of it.
    pub(super) fn feed(&mut self, input: &mut BytesMut) -> Result<bool, End> {
        let fed = self.decoder.feed(input, self.sink.as_mut());
        fed.map_err(|flaw| End::Snapshot(flaw.to_string()))
    }

    /// Hands it over.
    pub(super) fn finish(self) -> Result<Zxid, End> {
        self.sink.finish().map_err(End::Snapshot)?;
        Ok(self.zxid)
    }
}
