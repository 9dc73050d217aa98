//! How this executable is started again as a room.

/// First argument of a re-executed zygote; not a sub-command for people.
pub(crate) const ROOM_ARGUMENT: &str = "room";
