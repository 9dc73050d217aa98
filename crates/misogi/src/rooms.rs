//! What runs inside the rooms: `disarm` in the dirty one, `reconstruct` in the clean one.

mod first_mail;

use disarm::Fonts;
use form::DetectedType;
use form::reason::{Reason, Refusal};
use jail::Role;
use jail::room::{Handler, Input, PagesDone, Rehearsal, RoomIo, RoomRefusal};

use crate::fonts;

/// What the rooms of a zygote run. The fonts are looked at once for all of them.
pub(crate) fn prepare(role: Role) -> Box<Handler> {
    match role {
        Role::Dirty => {
            let fonts = fonts::load();
            // The interpreter is left by unwinding where a page draws without end. What the first unwinding in a process looks up
            // needs calls that a room does not have.
            let _ = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
            Box::new(move |io| dirty(io, &fonts))
        }
        Role::Clean => Box::new(clean),
    }
}

/// What a zygote's handler does first.
pub(crate) fn rehearsals(role: Role) -> Vec<Rehearsal> {
    match role {
        Role::Dirty => first_mail::to_read(),
        Role::Clean => first_mail::to_write(),
    }
}

/// Dirty room: hostile bytes to the form.
fn dirty(io: &mut RoomIo<'_>, fonts: &Fonts) -> Result<(), RoomRefusal> {
    let Input::Mapped(input) = &io.input else {
        return Err(plain(Refusal::plain(Reason::RoomProtocol)));
    };
    let mut tell = |disarm::PagesDone { done, of }| (io.tell)(PagesDone { done, of });
    disarm::run_telling(io.params, input, fonts, io.out, io.side, &mut tell)
        .map_err(|refused| RoomRefusal { refusal: refused.refusal, detail: refused.detected.to_detail() })
}

/// Clean room: the form to fresh bytes.
fn clean(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
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
