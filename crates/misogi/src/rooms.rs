//! What runs inside the rooms: `disarm` in the dirty one, `reconstruct` in the clean one.

use form::DetectedType;
use form::reason::{Reason, Refusal};
use jail::room::{Input, RoomIo, RoomRefusal};

/// Dirty room: hostile bytes to the form.
pub(crate) fn dirty(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    let Input::Mapped(input) = &io.input else {
        return Err(plain(Refusal::plain(Reason::RoomProtocol)));
    };
    disarm::run(io.params, input, io.out, io.side)
        .map_err(|refused| RoomRefusal { refusal: refused.refusal, detail: refused.detected.to_detail() })
}

/// Clean room: the form to fresh bytes.
pub(crate) fn clean(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    let input = match &mut io.input {
        Input::Mapped(bytes) => reconstruct::Input::Mapped(bytes),
        Input::Stream(stream) => reconstruct::Input::Stream(*stream),
    };
    reconstruct::run(io.params, input, io.out, io.side).map_err(plain)
}

/// A clean room has no opinion on what the original was.
fn plain(refusal: Refusal) -> RoomRefusal {
    RoomRefusal { refusal, detail: DetectedType::UNKNOWN.to_detail() }
}
