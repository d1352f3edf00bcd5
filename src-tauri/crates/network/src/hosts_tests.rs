use super::*;

fn hosts(listed: &[&str]) -> Hosts {
    let policy = NetworkPolicy::Hosts { hosts: listed.iter().map(|&text| text.to_owned()).collect() };
    Hosts::of(&policy).unwrap().unwrap()
}

fn asked(hosts: &Hosts, host: &str, port: u16) -> bool {
    hosts.check_host(&Host::parse(host).unwrap(), port).is_ok()
}

#[test]
fn patterns_are_read_and_written() {
    for (text, written) in [
        ("example.com", "example.com"),
        (" Example.COM ", "example.com"),
        ("example.com:8080", "example.com:8080"),
        ("*.example.com", "*.example.com"),
        ("example.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0x7f.1:80", "127.0.0.1:80"),
        ("::1", "::1"),
        ("[::1]:8080", "[::1]:8080"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ] {
        assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), written);
    }
    for text in [
        "",
        "*",
        "*.*",
        "a*b.example",
        "http://example.com",
        "example.com/path",
        "example.com:0",
        "example.com:x",
        "example.com:70000",
        "10.0.0.0/33",
        "10.0.0.0/x",
        "*.127.0.0.1",
        "exa mple.com",
        "a..b",
    ] {
        assert!(text.parse::<HostPattern>().is_err(), "{text}");
    }
}

#[test]
fn a_name_opens_itself_and_its_ports() {
    let hosts = hosts(&["example.com", "*.parts.example", "service.example:8443"]);
    assert!(asked(&hosts, "example.com", 443));
    assert!(asked(&hosts, "EXAMPLE.com.", 80));
    assert!(asked(&hosts, "a.b.parts.example", 443));
    assert!(asked(&hosts, "service.example", 8443));
    for (host, port) in [
        ("example.com", 22),
        ("www.example.com", 443),
        ("example.com.evil.example", 443),
        ("evilexample.com", 443),
        ("parts.example", 443),
        ("evilparts.example", 443),
        ("service.example", 443),
        ("93.184.216.34", 443),
    ] {
        assert!(!asked(&hosts, host, port), "{host}:{port}");
    }
}

#[test]
fn a_listed_name_opens_no_private_address() {
    let named = hosts(&["example.com", "git.intranet"]);
    let loopback = "127.0.0.1".parse().unwrap();
    assert!(asked(&named, "git.intranet", 443));
    assert!(named.check_address("example.com", loopback, 443).is_err());
    assert!(named.check_address("git.intranet", "10.1.2.3".parse().unwrap(), 443).is_err());
    assert!(named.check_address("example.com", "93.184.216.34".parse().unwrap(), 443).is_ok());

    let ranged = hosts(&["git.intranet", "10.1.0.0/16", "127.0.0.1:8080", "fd00::/8"]);
    assert!(ranged.check_address("git.intranet", "10.1.2.3".parse().unwrap(), 443).is_ok());
    assert!(ranged.check_address("git.intranet", "::ffff:10.1.2.3".parse().unwrap(), 443).is_ok());
    assert!(ranged.check_address("git.intranet", "10.2.2.3".parse().unwrap(), 443).is_err());
    assert!(ranged.check_address("x", "fd12::1".parse().unwrap(), 443).is_ok());
    assert!(ranged.check_address("127.0.0.1", loopback, 8080).is_ok());
    assert!(ranged.check_address("127.0.0.1", loopback, 8081).is_err());
    assert!(hosts(&["localhost:8080"]).check_address("localhost", loopback, 8080).is_ok());
}

#[test]
fn open_is_open_to_what_is_public_only() {
    let open = Hosts::of(&NetworkPolicy::Open).unwrap().unwrap();
    assert!(asked(&open, "example.com", 443));
    assert!(asked(&open, "93.184.216.34", 8080));
    for host in ["localhost", "printer.local", "router", "db.internal", "x.localhost", "nas.lan"] {
        assert!(!asked(&open, host, 80), "{host}");
    }
    assert!(open.check_address("x", "192.168.0.1".parse().unwrap(), 80).is_err());
    assert!(open.check_address("x", "::1".parse().unwrap(), 80).is_err());
    assert_eq!(Hosts::of(&NetworkPolicy::Off).unwrap(), None);
}
