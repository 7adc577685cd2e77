//! Which addresses events are sent to: https, a host that is no literal address of a private network, no credentials. The accepted spellings are those that every
//! URL parser reads alike (WHATWG URL, "host parsing"), so that what was checked is what is called.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest URL, bytes.
pub const MAX_URL: usize = 2_048;

/// What the URL of an endpoint may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// `https:` to a host that is neither a literal private address nor a name of the local machine or network.
    Public,
    /// Also `http:` and private addresses: for development.
    Any,
}

/// Checks the URL of an endpoint.
///
/// # Errors
/// What is wrong with it.
pub fn check(url: &str, targets: Targets) -> Result<(), &'static str> {
    if url.is_empty() || url.len() > MAX_URL {
        return Err("must have 1 to 2,048 bytes");
    }
    // A backslash is a slash to some parsers; tabs and line ends are left out by some.
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('\\') {
        return Err("must be ASCII without spaces and backslashes: percent-encode other characters, and write names in their xn-- form");
    }
    let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (_, Some(rest)) if targets == Targets::Any => rest,
        _ => return Err("must begin with https://"),
    };
    if rest.contains('#') {
        return Err("must have no fragment");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must have no user name and no password");
    }
    let is_public = match host_of(authority).ok_or("must have a host name, or an address in its usual form")? {
        Host::V4(address) => is_public_v4(address),
        Host::V6(address) => is_public_v6(address),
        Host::Name(name) => is_public_name(name),
    };
    if is_public || targets == Targets::Any { Ok(()) } else { Err("must not be an address of a private network or of this machine") }
}

enum Host<'a> {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(&'a str),
}

/// The host of `host[:port]`.
fn host_of(authority: &str) -> Option<Host<'_>> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(Host::V6(address.parse().ok()?));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| !is_port(port)) || host.is_empty() || host.len() > 253 {
        return None;
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    if !labels.split('.').all(is_label) {
        return None;
    }
    let last = labels.rsplit('.').next()?;
    // Parsers read such a host as an IPv4 address, also with fewer numbers, in octal, and in hex (WHATWG URL, "ends in a number checker").
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x");
    if is_number { host.parse().ok().map(Host::V4) } else { Some(Host::Name(labels)) }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// One part of a host name: RFC 1123 section 2.1, and the underscore that real names have.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Names that never mean a host of the internet: RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`; and names without a dot.
fn is_public_name(name: &str) -> bool {
    const PRIVATE: [&str; 8] = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "test"];
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !PRIVATE.contains(&last) && !name.ends_with(".home.arpa")
}

/// Not in the IANA IPv4 special-purpose address registry (RFC 6890), not multicast, not reserved.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast (2000::/3) without the blocks in it that are for protocols, embed an IPv4 address, or are for documents (RFC 6890, RFC 9637).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        && !(first == 0x2001 && second < 0x0200)
        && !(first == 0x2001 && second == 0x0db8)
        && first != 0x2002
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn https_url_of_a_public_host_is_accepted() {
        let longest = format!("https://a.example/{}", "x".repeat(MAX_URL - 18));
        for url in [
            "https://hooks.example.com",
            "https://hooks.example.com/",
            "https://hooks.example.com:8443/a/b?c=d&e=%20",
            "https://Hooks.Example.com./x",
            "https://xn--bcher-kva.example/hook",
            "https://a_b.example.com/",
            "https://8.8.8.8/x",
            "https://[2606:4700::1111]/x",
            "https://[2606:4700::1111]:443?x",
            "https://0x7f.example/",
            longest.as_str(),
        ] {
            assert_eq!(check(url, Targets::Public), Ok(()), "{url}");
            assert_eq!(check(url, Targets::Any), Ok(()), "{url}");
        }
    }

    #[test]
    fn literal_private_address_in_any_spelling_is_refused_outside_development() {
        for host in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:10.0.0.1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[2002:7f00:1::]",
            "[3fff::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "router.lan",
            "x.home.arpa",
            "intranet",
        ] {
            for url in [format!("https://{host}/x"), format!("https://{host}:8443/x")] {
                assert_eq!(check(&url, Targets::Public), Err("must not be an address of a private network or of this machine"), "{url}");
                assert_eq!(check(&url, Targets::Any), Ok(()), "{url}");
            }
        }
    }

    #[test]
    fn spelling_that_parsers_read_in_different_ways_is_refused_everywhere() {
        for url in [
            "",
            "https://",
            "https:///x",
            "https:/a.example",
            "//a.example",
            "ftp://a.example",
            "HTTPS://a.example",
            "javascript:alert(1)",
            "https://user@a.example/",
            "https://user:password@a.example/",
            "https://a.example\\@127.0.0.1/",
            "https://a.example/#x",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:/",
            "https://a.example:+80/",
            "https://a..example/",
            "https://.example/",
            "https://a.example../",
            "https://-a.example/",
            "https://a%2eexample/",
            "https://b\u{fc}cher.example/",
            "https://a.example/a b",
            "https://a.example/\u{0}",
            "https://a.example/\n",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://1.2.3.4.5/",
            "https://0x7f.0.0.0x1/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[fe80::1%25eth0]/",
            "https://::1/",
        ] {
            for targets in [Targets::Public, Targets::Any] {
                assert!(check(url, targets).is_err(), "{url} {targets:?}");
            }
        }
        assert!(check("http://a.example/", Targets::Public).is_err() && check("http://a.example/", Targets::Any).is_ok());
        assert!(check(&format!("https://a.example/{}", "x".repeat(MAX_URL - 17)), Targets::Public).is_err());
    }

    proptest! {
        #[test]
        fn random_text_never_names_a_private_ipv4_address(text in "https?://[a-z0-9.:@\\[\\]/%x]{0,40}") {
            if check(&text, Targets::Public).is_ok() {
                let host = text.strip_prefix("https://").unwrap().split(['/', ':']).next().unwrap().to_owned();
                if let Ok(address) = host.parse::<Ipv4Addr>() {
                    prop_assert!(!address.is_private() && !address.is_loopback() && !address.is_link_local() && !address.is_unspecified());
                }
            }
        }
    }
}
