//! How many requests one client may have under way, so that one machine or person cannot take all places.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Who has places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// An address, or its network.
    Address(IpAddr),
    /// Somebody with an account, wherever they are.
    Account(String),
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

/// Counts what is under way, per client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients {
    /// Only those with something under way, so there are no more entries than places in all.
    under_way: Arc<Mutex<HashMap<Client, usize>>>,
}

/// One place of a client; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    clients: Clients,
    client: Client,
}

impl Clients {
    /// A place for `client`, unless it has `most` already.
    pub(crate) fn enter(&self, client: impl Into<Client>, most: usize) -> Option<Place> {
        let client = client.into();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.get(&client).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        under_way.insert(client.clone(), count.saturating_add(1));
        Some(Place { clients: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.clients.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(&self.client) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => drop(under_way.remove(&self.client)),
        }
    }
}

/// One machine has a whole /64 of IPv6 to choose addresses from.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_places_and_no_more_and_gives_them_back() {
        let clients = Clients::default();
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = clients.enter(one, 2).unwrap();
        let second = clients.enter(one, 2).unwrap();
        assert!(clients.enter(one, 2).is_none());
        assert!(clients.enter(other, 2).is_some());
        drop(first);
        let third = clients.enter(one, 2).unwrap();
        assert!(clients.enter(one, 2).is_none());
        drop((second, third));
        assert!(clients.under_way.lock().unwrap().is_empty(), "nobody is remembered who does nothing");
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_client_and_a_mapped_one_is_ipv4() {
        for (a, b, same) in [
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(network(a.parse().unwrap()) == network(b.parse().unwrap()), same, "{a} {b}");
        }
    }
}
