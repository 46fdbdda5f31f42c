//! Who holds how much of what all clients share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

/// Counts what each address holds, and bounds it.
#[derive(Debug)]
pub struct Shares {
    per_address: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// Peers that speak for many clients and so are not bound as one.
    trusted_proxies: Vec<IpNet>,
}

impl Shares {
    pub fn new(per_address: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self { per_address, held: Arc::default(), trusted_proxies }
    }

    /// `None` when `address` holds all that it may.
    pub fn take(&self, address: IpAddr) -> Option<Share> {
        let address = address.to_canonical();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        let bound = !self.trusted_proxies.iter().any(|net| net.contains(&address));
        if bound && *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Share { address, held: Arc::clone(&self.held) })
    }
}

/// One piece, given back when dropped.
#[derive(Debug)]
pub struct Share {
    address: IpAddr,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}
