//! MacBinary (version I to III), in which archivers of the old Macs kept what their file system had beside the data.

use super::super::bytes::Fields;
use super::super::names::Name;

/// Bytes before the data fork.
pub(super) const HEADER: usize = 128;

/// The length of the data fork, where a member of `unpacked` bytes that begins with `head` is such a file. The format has no signature:
/// the name in it must be that of the member, and the lengths must add up.
pub(super) fn data_fork(head: &[u8], name: &Name<'_>, unpacked: u64) -> Option<u64> {
    let (own, zeros) = (head.get(1..)?, [0, 74, 82]);
    if zeros.iter().any(|at| head.get(*at) != Some(&0)) {
        return None;
    }
    let (len, rest) = own.split_first()?;
    let said = rest.get(..usize::from(*len)).filter(|said| !said.is_empty() && said.len() <= MOST_NAME)?;
    if said != last(name) {
        return None;
    }
    let mut fields = Fields::new(head.get(83..)?);
    let mut fork =
        || fields.take(4).and_then(|fork| fork.first_chunk()).map(|fork| u64::from(u32::from_be_bytes(*fork)));
    let (data, resource) = (fork()?, fork()?);
    let header = u64::try_from(HEADER).ok()?;
    let before = header.checked_add(data.next_multiple_of(header))?;
    // The last padding is not always there.
    let fits = [resource, resource.next_multiple_of(header)].map(|resource| before.checked_add(resource));
    (fits.contains(&Some(unpacked)) || (resource == 0 && header.checked_add(data) == Some(unpacked))).then_some(data)
}

fn last<'n>(name: &'n Name<'_>) -> &'n [u8] {
    let path = match name {
        Name::Raw(raw) => raw.as_ref(),
        Name::Known(text) => text.as_bytes(),
    };
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Bytes of the longest name in HFS.
const MOST_NAME: usize = 63;
