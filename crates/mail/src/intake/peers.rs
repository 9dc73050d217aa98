//! How many connections there are, in all and from one peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections; each admitted one holds an [`Admission`].
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    max: usize,
    max_per_peer: usize,
    counts: Arc<Mutex<Counts>>,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Admission {
    key: IpAddr,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

impl Peers {
    pub(crate) fn new(max: usize, max_per_peer: usize) -> Self {
        Self { max, max_per_peer, counts: Arc::default() }
    }

    /// Admits a connection, or not.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Admission> {
        let key = network(peer);
        // A count is never left half-changed, so a poisoned lock still holds true numbers.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.max || counts.by_peer.get(&key).is_some_and(|n| *n >= self.max_per_peer) {
            return None;
        }
        counts.all = counts.all.saturating_add(1);
        let of_peer = counts.by_peer.entry(key).or_default();
        *of_peer = of_peer.saturating_add(1);
        Some(Admission { key, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(of_peer) = counts.by_peer.get_mut(&self.key) {
            *of_peer = of_peer.saturating_sub(1);
            if *of_peer == 0 {
                counts.by_peer.remove(&self.key);
            }
        }
    }
}

/// An IPv6 peer is its /64: a single host has that many addresses to itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_in_all_and_per_peer_and_room_comes_back() {
        let peers = Peers::new(3, 2);
        let a: IpAddr = "192.0.2.1".parse().unwrap();
        let b: IpAddr = "192.0.2.2".parse().unwrap();
        let first = peers.admit(a);
        let second = peers.admit(a);
        assert!(first.is_some() && second.is_some() && peers.admit(a).is_none());
        let third = peers.admit(b);
        assert!(third.is_some() && peers.admit(b).is_none());
        drop(first);
        assert!(peers.admit(a).is_some());
        drop((second, third));
        assert!(peers.counts.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let peers = Peers::new(9, 1);
        let _first = peers.admit("2001:db8::1".parse().unwrap());
        assert!(peers.admit("2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(peers.admit("2001:db8:0:1::1".parse().unwrap()).is_some());
        let _mapped = peers.admit("::ffff:192.0.2.1".parse().unwrap());
        assert!(peers.admit("192.0.2.1".parse().unwrap()).is_none());
    }
}
