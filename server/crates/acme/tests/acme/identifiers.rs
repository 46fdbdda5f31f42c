use acme::{Problem, ProblemType, RawIdentifier, parse_identifiers};
use model::Identifier;

fn raw(kind: &str, value: &str) -> RawIdentifier {
    RawIdentifier { r#type: kind.to_owned(), value: value.to_owned() }
}

fn dns(value: &str) -> Result<String, Problem> {
    one("dns", value)
}

fn ip(value: &str) -> Result<String, Problem> {
    one("ip", value)
}

/// The canonical value of a single identifier.
fn one(kind: &str, value: &str) -> Result<String, Problem> {
    parse_identifiers(&[raw(kind, value)]).map(|all| all[0].value())
}

/// Refused with `malformed` and a subproblem that names the identifier as it was sent.
fn malformed(kind: &str, value: &str) -> Problem {
    let problem = one(kind, value).expect_err(value);
    assert_eq!(problem.kind, ProblemType::Malformed);
    assert_eq!(problem.subproblems.len(), 1);
    assert_eq!(problem.subproblems[0].kind, ProblemType::Malformed);
    assert_eq!(problem.subproblems[0].identifier, Some(raw(kind, value)));
    problem
}

#[test]
fn names_are_normalised_and_duplicates_removed_in_order() {
    let order = [
        raw("dns", "B.example"),
        raw("ip", "2001:DB8::0001"),
        raw("dns", "a.example"),
        raw("dns", "b.EXAMPLE"),
        raw("ip", "2001:db8:0:0::1"),
        raw("dns", "*.b.example"),
    ];
    let parsed: Vec<String> = parse_identifiers(&order).unwrap().iter().map(Identifier::value).collect();
    assert_eq!(parsed, ["b.example", "2001:db8::1", "a.example", "*.b.example"]);
}

#[test]
fn row_4_each_failing_identifier_has_its_subproblem() {
    let problem = parse_identifiers(&[raw("dns", "a_b.example"), raw("dns", "good.example"), raw("ip", "x")])
        .unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
    let body = serde_json::to_value(&problem).unwrap();
    let subproblems = body["subproblems"].as_array().unwrap();
    assert_eq!(subproblems.len(), 2);
    assert_eq!(subproblems[0]["identifier"]["value"], "a_b.example");
    assert_eq!(subproblems[1]["identifier"]["type"], "ip");
    assert!(body.get("identifier").is_none());
}

#[test]
fn row_4_different_failures_are_compound() {
    let problem = parse_identifiers(&[raw("dns", "a..b"), raw("email", "a@b.example")]).unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Compound, 400));
    let kinds: Vec<_> = problem.subproblems.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [ProblemType::Malformed, ProblemType::UnsupportedIdentifier]);
}

#[test]
fn row_77_no_identifiers_and_too_many_are_malformed() {
    assert_eq!(parse_identifiers(&[]).unwrap_err().kind, ProblemType::Malformed);
    let many: Vec<_> = (0..101).map(|n| raw("dns", &format!("a{n}.example"))).collect();
    assert_eq!(parse_identifiers(&many).unwrap_err().kind, ProblemType::Malformed);
    assert_eq!(parse_identifiers(&many[..100]).unwrap().len(), 100);
}

#[test]
fn row_78_unknown_types_are_unsupported() {
    for kind in ["email", "DNS", "", "TNAuthList"] {
        let problem = one(kind, "a.example").unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::UnsupportedIdentifier, 400));
        assert_eq!(problem.subproblems[0].identifier, Some(raw(kind, "a.example")));
    }
}

#[test]
fn row_79_bad_names_are_malformed() {
    for name in [
        "",
        ".",
        "a..b",
        "a.example.",
        "-a.example",
        "a_b.example",
        "a.example:443",
        "user@a.example",
        "https://a.example",
        "a.example/path",
        "a b.example",
        "10.0.0.1",
        "::1",
        "a\0.example",
        &format!("{}.example", "a".repeat(64)),
        &"a.".repeat(130),
    ] {
        malformed("dns", name);
    }
}

#[test]
fn row_79_a_labels_must_decode_and_round_trip() {
    assert_eq!(dns("XN--bcher-kva.example").unwrap(), "xn--bcher-kva.example");
    assert_eq!(dns("*.xn--bcher-kva.example").unwrap(), "*.xn--bcher-kva.example");
    assert_eq!(dns("xn--fa-hia.example").unwrap(), "xn--fa-hia.example");
    for name in [
        "xn--.example",
        "xn--a.example",
        "xn--a-.example",
        "xn--example-.example",
        "xn--zzzzzzzz99999.example",
        "a.xn--0.example",
    ] {
        malformed("dns", name);
    }
    // A capital, a compatibility character, a decomposed one, a combining mark in front, an invisible character.
    for unstable in ["b\u{dc}cher", "\u{ff42}ü", "bu\u{308}cher", "\u{301}a", "a\u{200b}ü"] {
        malformed("dns", &format!("xn--{}.example", idna::punycode::encode_str(unstable).unwrap()));
    }
}

#[test]
fn row_79_unicode_is_refused_with_the_ascii_form() {
    assert!(malformed("dns", "bücher.example").subproblems[0].detail.contains("`xn--bcher-kva.example`"));
    assert!(malformed("dns", "*.Bücher.example").subproblems[0].detail.contains("`*.xn--bcher-kva.example`"));
    // Their ASCII forms are refused too, so none is proposed.
    for name in ["１２７.0.0.1", "bücher.１"] {
        assert!(malformed("dns", name).subproblems[0].detail.ends_with("(`xn--…`)"), "{name}");
    }
    malformed("dns", "a\u{200b}b.example");
    malformed("dns", "。");
}

#[test]
fn row_80_a_wildcard_stands_alone_and_leftmost() {
    assert_eq!(dns("*.Example.com").unwrap(), "*.example.com");
    for name in
        ["*", "*.", "a.*.example", "*.*.example", "*a.example", "a*.example", "**.example", "*.10.0.0.1"]
    {
        malformed("dns", name);
    }
}

#[test]
fn row_85_addresses_have_canonical_text() {
    assert_eq!(ip("10.0.0.1").unwrap(), "10.0.0.1");
    assert_eq!(ip("2001:DB8:0:0:0:0:0:1").unwrap(), "2001:db8::1");
    for address in [
        "",
        "10.0.0",
        "010.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1:443",
        "10.0.0.0/8",
        "a.example",
        "*.10.0.0.1",
        "[::1]",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "::ffff:a00:1",
        "1::2::3",
    ] {
        malformed("ip", address);
    }
    assert!(malformed("ip", "fe80::1%eth0").subproblems[0].detail.contains("zone"));
    assert!(malformed("ip", "::ffff:10.0.0.1").subproblems[0].detail.contains("mapped"));
}
