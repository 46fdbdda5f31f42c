use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses may be dialled.
///
/// Validation connects to where a client points, from inside the network. Refused by default is what belongs to this
/// machine or its link, what is no host, and where clouds hand out credentials. Private networks are allowed: a
/// private CA's clients are there.
#[derive(Debug, Clone)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
}

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// By `CERTCTL_ACME_VALIDATION_DENY_CIDRS`.
    Denied(IpNet),
    /// By the default, which `CERTCTL_ACME_VALIDATION_ALLOW_CIDRS` can change; says what the address is.
    Default(&'static str),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied(network) => write!(f, "{network} is denied by the server's settings"),
            Self::Default(what) => write!(f, "{what} is not connected to"),
        }
    }
}

impl AddressPolicy {
    pub fn new(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        Self { allow, deny }
    }

    /// Denial wins over permission, permission over the default.
    ///
    /// # Errors
    /// The rule that refuses `address`, or an IPv4 address that it stands for.
    pub fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        // An IPv4-mapped address is dialled over IPv4.
        let address = address.to_canonical();
        let forms = [Some(address), embedded_ipv4(address).map(IpAddr::V4)];
        let forms = forms.into_iter().flatten();
        for form in forms.clone() {
            if let Some(network) = self.deny.iter().find(|network| network.contains(&form)) {
                return Err(Refusal::Denied(*network));
            }
        }
        if self.allows(address) {
            return Ok(());
        }
        for form in forms {
            if let Some(what) = refused_by_default(form).filter(|_| !self.allows(form)) {
                return Err(Refusal::Default(what));
            }
        }
        Ok(())
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&address))
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// Where two networks overlap, the first names the address.
const REFUSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "an unspecified address (RFC 1122)"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(169, 254, 169, 254, 32), "the metadata service of a cloud"),
    // Alibaba, Oracle and Azure have theirs outside of the link-local block.
    (v4(100, 100, 100, 200, 32), "the metadata service of a cloud"),
    (v4(192, 0, 0, 192, 32), "the metadata service of a cloud"),
    (v4(168, 63, 129, 16, 32), "the metadata service of a cloud"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
];

const REFUSED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "the loopback address"),
    // AWS has all its instance services in this block, Google its metadata service at that address.
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), "the metadata service of a cloud"),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), "the metadata service of a cloud"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
    // RFC 8215: the place of the IPv4 address in it depends on a prefix length that only the network knows.
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a translated address (RFC 8215)"),
];

/// What `address` is, if it is refused.
fn refused_by_default(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            REFUSED_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
        }
        IpAddr::V6(address) => {
            REFUSED_V6.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
        }
    }
}

/// The IPv4 address to which a translator or tunnel takes packets for `address`.
fn embedded_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        // The unspecified and the loopback address are themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // IPv4-compatible (RFC 4291 §2.5.5.1), IPv4-translated (RFC 2765 §2.1), NAT64 (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => Some(join(high, low)),
        // Teredo (RFC 4380 §4) has the client's address inverted.
        [0x2001, 0, _, _, _, _, high, low] => Some(join(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn policy(allow: &[&str], deny: &[&str]) -> AddressPolicy {
        AddressPolicy::new(nets(allow), nets(deny))
    }

    fn refused(policy: &AddressPolicy, address: &str) -> bool {
        policy.check(address.parse().unwrap()).is_err()
    }

    #[test]
    fn the_default_refuses_what_is_no_other_host() {
        let policy = policy(&[], &[]);
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            // The same in disguise.
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2001:0:1234::80ff:fffe",
        ] {
            assert!(refused(&policy, address), "{address}");
        }
    }

    #[test]
    fn the_default_allows_private_and_public_hosts() {
        let policy = policy(&[], &[]);
        for address in [
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.2.1",
            "8.8.8.8",
            "fd12:3456::1",
            "2001:db8::1",
            "2620:fe::fe",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::1",
        ] {
            assert!(!refused(&policy, address), "{address}");
        }
    }

    #[test]
    fn denial_wins_over_permission_and_permission_over_the_default() {
        let policy = policy(&["127.0.0.0/8", "::1/128", "10.0.0.0/8"], &["10.1.0.0/16", "127.0.0.7/32"]);
        for address in ["127.0.0.1", "::1", "10.2.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"] {
            assert!(!refused(&policy, address), "{address}");
        }
        for address in
            ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::", "127.0.0.7", "::"]
        {
            assert!(refused(&policy, address), "{address}");
        }
        let denied = policy.check("10.1.2.3".parse().unwrap()).unwrap_err();
        assert_eq!(denied.to_string(), "10.1.0.0/16 is denied by the server's settings");
    }

    #[test]
    fn permission_for_a_translator_does_not_undo_a_denial_behind_it() {
        let policy = policy(&["64:ff9b::/96", "64:ff9b:1::/48"], &["10.9.0.0/16"]);
        assert!(!refused(&policy, "64:ff9b::127.0.0.1"));
        assert!(!refused(&policy, "64:ff9b:1::1"));
        assert!(refused(&policy, "64:ff9b::10.9.0.1"));
    }

    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            /// However an IPv4 address is written in IPv6, it is refused where it is refused itself.
            #[test]
            fn disguise_does_not_help(bits: u32, deny in any::<Option<(u32, u8)>>()) {
                let address = Ipv4Addr::from_bits(bits);
                let deny = deny.map(|(bits, prefix)| {
                    IpNet::new(IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix % 33).unwrap()
                });
                let policy = AddressPolicy::new(Vec::new(), deny.into_iter().collect());
                if policy.check(IpAddr::V4(address)).is_err() {
                    let [a, b, c, d] = address.octets();
                    for text in [
                        format!("::ffff:{address}"),
                        format!("64:ff9b::{address}"),
                        format!("::ffff:0:{address}"),
                        format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
                        format!("2001::{:02x}{:02x}:{:02x}{:02x}", !a, !b, !c, !d),
                    ] {
                        prop_assert!(policy.check(text.parse().unwrap()).is_err(), "{}", text);
                    }
                }
            }
        }
    }
}
