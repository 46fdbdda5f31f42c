use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{AccountId, EabKeyId, Identifier, IpNet, Timestamp};

words! {
    /// What is limited, by the name of its field in [`RateLimits`].
    pub enum RateLimit {
        AccountOrders = "account_orders_per_hour",
        EabKeyOrders = "eab_key_orders_per_hour",
        NameOrders = "name_orders_per_hour",
        NetworkOrders = "network_orders_per_hour",
        NetworkNewAccounts = "network_new_accounts_per_hour",
        EabKeyNewAccounts = "eab_key_new_accounts_per_hour",
        AccountNameFailures = "account_name_failed_validations_per_hour",
        AccountPendingOrders = "account_pending_orders",
    }
}

impl RateLimit {
    /// Whether use by `subject` counts towards this limit.
    pub fn counts(self, subject: &RateSubject) -> bool {
        let kind = match self {
            Self::AccountOrders | Self::AccountPendingOrders => "account:",
            Self::EabKeyOrders | Self::EabKeyNewAccounts => "eab_key:",
            Self::AccountNameFailures => "account_name:",
            Self::NameOrders => "name:",
            Self::NetworkOrders | Self::NetworkNewAccounts => "network:",
        };
        subject.as_str().starts_with(kind)
    }

    /// Whether it counts events in a window of time; else what there is at the moment.
    pub const fn has_window(self) -> bool {
        !matches!(self, Self::AccountPendingOrders)
    }

    /// What is counted and for whom, to be read after a number.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::AccountOrders => "orders per hour of one account",
            Self::EabKeyOrders => "orders per hour of all accounts that one EAB key bound",
            Self::NameOrders => "orders per hour for one name or address",
            Self::NetworkOrders => "orders per hour from one client network",
            Self::NetworkNewAccounts => "new accounts per hour from one client network",
            Self::EabKeyNewAccounts => "new accounts per hour with one EAB key",
            Self::AccountNameFailures => "failed validations per hour of one name by one account",
            Self::AccountPendingOrders => "pending orders of one account at a time",
        }
    }
}

/// How much is allowed; `None` is no limit. Stored as one JSON value, so that a new limit needs no migration.
///
/// The defaults stop what runs wild and nobody else: 500 Certificates of one account that are all issued again at
/// once use half a percent of its orders, and as many clusters behind one address as a company has use little of theirs.
/// One order every second for one name is a loop, and is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    pub account_orders_per_hour: Option<u32>,
    pub eab_key_orders_per_hour: Option<u32>,
    pub name_orders_per_hour: Option<u32>,
    pub network_orders_per_hour: Option<u32>,
    pub network_new_accounts_per_hour: Option<u32>,
    pub eab_key_new_accounts_per_hour: Option<u32>,
    pub account_name_failed_validations_per_hour: Option<u32>,
    pub account_pending_orders: Option<u32>,
    /// How many leading bits of an IPv4 address make its client network.
    pub network_prefix_ipv4: u8,
    pub network_prefix_ipv6: u8,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            account_orders_per_hour: Some(100_000),
            eab_key_orders_per_hour: Some(1_000_000),
            name_orders_per_hour: Some(2_000),
            network_orders_per_hour: Some(1_000_000),
            network_new_accounts_per_hour: Some(10_000),
            eab_key_new_accounts_per_hour: Some(10_000),
            account_name_failed_validations_per_hour: Some(100),
            account_pending_orders: Some(20_000),
            network_prefix_ipv4: 24,
            network_prefix_ipv6: 48,
        }
    }
}

impl RateLimits {
    pub fn allowed(&self, limit: RateLimit) -> Option<u32> {
        match limit {
            RateLimit::AccountOrders => self.account_orders_per_hour,
            RateLimit::EabKeyOrders => self.eab_key_orders_per_hour,
            RateLimit::NameOrders => self.name_orders_per_hour,
            RateLimit::NetworkOrders => self.network_orders_per_hour,
            RateLimit::NetworkNewAccounts => self.network_new_accounts_per_hour,
            RateLimit::EabKeyNewAccounts => self.eab_key_new_accounts_per_hour,
            RateLimit::AccountNameFailures => self.account_name_failed_validations_per_hour,
            RateLimit::AccountPendingOrders => self.account_pending_orders,
        }
    }

    /// With 0 as `None`: no limit is what both say.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        for limit in [
            &mut self.account_orders_per_hour,
            &mut self.eab_key_orders_per_hour,
            &mut self.name_orders_per_hour,
            &mut self.network_orders_per_hour,
            &mut self.network_new_accounts_per_hour,
            &mut self.eab_key_new_accounts_per_hour,
            &mut self.account_name_failed_validations_per_hour,
            &mut self.account_pending_orders,
        ] {
            *limit = limit.filter(|n| *n > 0);
        }
        self
    }

    /// The network that stands for `client`. An IPv4 address in IPv6 form is one of IPv4.
    pub fn network_of(&self, client: IpAddr) -> IpNet {
        let client = client.to_canonical();
        let prefix = if client.is_ipv4() { self.network_prefix_ipv4 } else { self.network_prefix_ipv6 };
        IpNet::new(client, prefix).map_or_else(|_| IpNet::from(client), |net| net.trunc())
    }
}

/// The limits as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRateLimits {
    pub limits: RateLimits,
    /// Grows by one with every change; 0 while nobody has changed the defaults.
    pub version: i64,
}

/// Whose use is counted: `account:<id>`, `eab_key:<id>`, `name:<name or address>`, `network:<address>/<bits>` or
/// `account_name:<account id>/<name or address>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RateSubject(String);

impl RateSubject {
    pub fn account(id: &AccountId) -> Self {
        Self(format!("account:{id}"))
    }

    /// All accounts that the key bound.
    pub fn eab_key(id: &EabKeyId) -> Self {
        Self(format!("eab_key:{id}"))
    }

    /// As ordered: `*.example.com` is another name than `example.com`.
    pub fn name(identifier: &Identifier) -> Self {
        Self(format!("name:{identifier}"))
    }

    /// What one account does for one name. A wildcard is validated by its base, and counts as that.
    pub fn account_name(account: &AccountId, identifier: &Identifier) -> Self {
        match identifier {
            Identifier::Dns(name) => Self(format!("account_name:{account}/{}", name.base())),
            Identifier::Ip(ip) => Self(format!("account_name:{account}/{ip}")),
        }
    }

    pub fn network(network: IpNet) -> Self {
        Self(format!("network:{network}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account, where the subject is one.
    pub fn as_account(&self) -> Option<AccountId> {
        self.0.strip_prefix("account:")?.parse().ok()
    }
}

impl std::fmt::Display for RateSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a subject; use account:<account id>, eab_key:<EAB key id>, name:<DNS name or address>, network:<address>/<prefix length> or account_name:<account id>/<DNS name or address>"
)]
pub struct InvalidRateSubject;

/// In the form in which subjects are counted: a name in lower case, a network without host bits.
impl std::str::FromStr for RateSubject {
    type Err = InvalidRateSubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, value) = text.split_once(':').ok_or(InvalidRateSubject)?;
        match kind {
            "account" => value.parse().map(|id| Self::account(&id)).map_err(|_| InvalidRateSubject),
            "eab_key" => value.parse().map(|id| Self::eab_key(&id)).map_err(|_| InvalidRateSubject),
            "name" => Identifier::parse_any(value).map(|id| Self::name(&id)).map_err(|_| InvalidRateSubject),
            "network" => {
                value.parse::<IpNet>().map(|net| Self::network(net.trunc())).map_err(|_| InvalidRateSubject)
            }
            "account_name" => {
                let (account, name) = value.split_once('/').ok_or(InvalidRateSubject)?;
                let account = account.parse().map_err(|_| InvalidRateSubject)?;
                let name = Identifier::parse_any(name).map_err(|_| InvalidRateSubject)?;
                Ok(Self::account_name(&account, &name))
            }
            _ => Err(InvalidRateSubject),
        }
    }
}

/// What one subject has used of one limit in one window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCounter {
    pub limit: RateLimit,
    pub subject: RateSubject,
    /// The end of the window, from which the count is 0 again.
    pub resets_at: Timestamp,
    pub count: i64,
    /// Whether an audit event says already that the subject was refused in this window.
    pub refused: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_limit_is_the_default_and_null_and_zero_are_none() {
        let limits: RateLimits =
            serde_json::from_str(r#"{"account_orders_per_hour":null,"name_orders_per_hour":0}"#).unwrap();
        let limits = limits.normalised();
        assert_eq!(limits.allowed(RateLimit::AccountOrders), None);
        assert_eq!(limits.allowed(RateLimit::NameOrders), None);
        assert_eq!(limits.allowed(RateLimit::NetworkOrders), Some(1_000_000));
        assert!(serde_json::from_str::<RateLimits>(r#"{"orders":1}"#).is_err());
    }

    #[test]
    fn every_limit_is_a_field_of_its_name() {
        let fields = serde_json::to_value(RateLimits::default()).unwrap();
        for limit in RateLimit::ALL {
            assert_eq!(fields[limit.as_str()].as_u64(), RateLimits::default().allowed(*limit).map(u64::from));
        }
    }

    #[test]
    fn clients_of_one_network_share_a_subject() {
        let limits = RateLimits::default();
        let network = |ip: &str| RateSubject::network(limits.network_of(ip.parse().unwrap())).to_string();
        assert_eq!(network("192.0.2.7"), "network:192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.200"), "network:192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::7"), "network:2001:db8:1::/48");
    }

    #[test]
    fn a_subject_has_one_form() {
        for (text, form) in [
            ("name:WWW.Example.com", "name:www.example.com"),
            ("name:2001:DB8::0:1", "name:2001:db8::1"),
            ("network:192.0.2.7/24", "network:192.0.2.0/24"),
        ] {
            assert_eq!(text.parse::<RateSubject>().unwrap().as_str(), form);
        }
        let id: AccountId = format!("{}{}", AccountId::PREFIX, "0".repeat(32)).parse().unwrap();
        let pair = format!("account_name:{id}/*.A.example").parse::<RateSubject>().unwrap();
        assert_eq!(pair.as_str(), format!("account_name:{id}/a.example"));
        assert!(RateLimit::AccountNameFailures.counts(&pair) && !RateLimit::AccountOrders.counts(&pair));
        let key: EabKeyId = format!("{}{}", EabKeyId::PREFIX, "0".repeat(32)).parse().unwrap();
        let key = format!("eab_key:{key}").parse::<RateSubject>().unwrap();
        assert!(RateLimit::EabKeyOrders.counts(&key) && RateLimit::EabKeyNewAccounts.counts(&key));
        assert!(!RateLimit::AccountOrders.counts(&key) && !RateLimit::EabKeyOrders.counts(&pair));
        for bad in [
            "eab_key:x",
            "account_name:x/a.example",
            "",
            "account:x",
            "name:a b",
            "network:1.2.3.4",
            "user:1",
        ] {
            assert!(bad.parse::<RateSubject>().is_err(), "{bad}");
        }
    }
}
