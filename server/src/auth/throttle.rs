use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;

use crate::error::{Error, Result};

/// Attempts to sign in with something that could be guessed, from one network in a row.
const MOST: u32 = 10;
/// From the first of them.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Networks that are remembered; beyond that the oldest windows go first.
const MOST_NETWORKS: usize = 10_000;

/// Bounds how fast one network can guess. Each replica counts for itself.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, Window>>);

#[derive(Debug)]
struct Window {
    since: Timestamp,
    attempts: u32,
}

impl Throttle {
    /// Counts an attempt before it is looked at, so that many at the same time count too.
    pub fn admit(&self, client: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let Some(client) = client else { return Ok(()) };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MOST_NETWORKS {
            windows.retain(|_, window| now.since(window.since) < WINDOW);
        }
        if windows.len() >= MOST_NETWORKS {
            let oldest = windows.iter().min_by_key(|(_, window)| window.since).map(|(network, _)| *network);
            oldest.map(|network| windows.remove(&network));
        }
        let window = windows.entry(network(client)).or_insert(Window { since: now, attempts: 0 });
        if now.since(window.since) >= WINDOW {
            *window = Window { since: now, attempts: 0 };
        }
        if window.attempts >= MOST {
            return Err(Error::TooManyAttempts {
                retry_after: (window.since + WINDOW).since(now).as_secs() + 1,
            });
        }
        window.attempts += 1;
        Ok(())
    }

    /// Forgets the attempts of a network from which somebody has signed in.
    pub fn forgive(&self, client: Option<IpAddr>) {
        if let Some(client) = client {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(client));
        }
    }
}

/// An IPv6 client has a /64 of addresses to try from.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & (!0 << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_network_has_ten_attempts_in_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        for i in 0..10 {
            assert!(throttle.admit(ip(&format!("2001:db8::{i}")), NOW).is_ok());
        }
        let later = NOW + Duration::from_secs(60);
        let refused = throttle.admit(ip("2001:db8::ffff"), later).unwrap_err();
        assert!(matches!(refused, Error::TooManyAttempts { retry_after: 841 }), "{refused:?}");
        assert!(throttle.admit(ip("2001:db8:0:1::1"), later).is_ok(), "another network");
        assert!(throttle.admit(ip("192.0.2.1"), later).is_ok());
        assert!(throttle.admit(ip("2001:db8::1"), NOW + WINDOW).is_ok(), "afterwards");
    }

    #[test]
    fn success_forgives() {
        let throttle = Throttle::default();
        for _ in 0..30 {
            assert!(throttle.admit(ip("192.0.2.1"), NOW).is_ok());
            throttle.forgive(ip("192.0.2.1"));
        }
        throttle.forgive(None);
        assert!(throttle.admit(None, NOW).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for i in 0..u32::try_from(MOST_NETWORKS).unwrap() + 100 {
            let client = IpAddr::from(std::net::Ipv4Addr::from(i));
            throttle.admit(Some(client), NOW + Duration::from_secs(i.into()) / 1000).unwrap();
        }
        assert!(throttle.0.lock().unwrap().len() <= MOST_NETWORKS);
    }
}
