use std::collections::{BTreeMap, HashSet};

use acme::transition::{
    account_may_become, authorization_may_become, challenge_may_become, order_may_become,
};
use acme::wire::{
    AccountObject, AuthorizationObject, ChallengeObject, Directory, DirectoryMeta, OrderObject, OrdersList,
};
use acme::{ChallengeStatus, Problem, ProblemType, RawIdentifier, Subproblem, key_authorization, offered};
use model::{
    AccountStatus, AuthorizationStatus, ChallengeKind, Identifier, OrderStatus, StoredProblem, Timestamp,
};
use serde_json::value::RawValue;
use serde_json::{json, to_value};

const TIME: Timestamp = Timestamp::from_unix_micros(1_800_000_000_123_456);

#[test]
fn row_3_types_are_registered_and_the_status_is_in_the_body() {
    let registered = [
        "accountDoesNotExist",
        "alreadyReplaced",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "invalidProfile",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
    ];
    let urns: HashSet<&str> = ProblemType::ALL.iter().map(|kind| kind.urn()).collect();
    assert_eq!(urns.len(), registered.len());
    for name in registered {
        assert!(urns.contains(format!("urn:ietf:params:acme:error:{name}").as_str()), "{name}");
    }
    for kind in ProblemType::ALL {
        let body = to_value(Problem::new(*kind, "why")).unwrap();
        assert_eq!(body, json!({"type": kind.urn(), "detail": "why", "status": kind.default_status()}));
    }
    let body = to_value(Problem::unauthorized("why").with_status(401)).unwrap();
    assert_eq!(body["status"], 401);
}

#[test]
fn row_3_statuses_are_those_of_the_table() {
    use ProblemType as P;
    for kind in P::ALL {
        let expected = match kind {
            P::OrderNotReady
            | P::Unauthorized
            | P::ExternalAccountRequired
            | P::UserActionRequired
            | P::Caa => 403,
            P::AlreadyReplaced => 409,
            P::RateLimited => 429,
            P::ServerInternal => 500,
            _ => 400,
        };
        assert_eq!(kind.default_status(), expected, "{kind}");
    }
}

#[test]
fn row_57_an_instance_is_in_the_body_and_links_are_beside_it() {
    let problem = Problem::user_action_required("why")
        .with_instance("https://ca/tos")
        .with_link("https://ca/tos", "terms-of-service")
        .with_link("https://ca/help", "help");
    assert_eq!(
        to_value(&problem).unwrap(),
        json!({
            "type": "urn:ietf:params:acme:error:userActionRequired",
            "detail": "why",
            "status": 403,
            "instance": "https://ca/tos",
        })
    );
    let links: Vec<_> = problem.links.iter().map(|link| (link.url.as_str(), link.relation)).collect();
    assert_eq!(links, [("https://ca/tos", "terms-of-service"), ("https://ca/help", "help")]);
}

#[test]
fn row_4_subproblems_have_type_detail_and_identifier() {
    let identifier = Identifier::parse_any("a.example").unwrap();
    let problem = Problem::from_subproblems(
        "why",
        vec![Subproblem {
            kind: ProblemType::RejectedIdentifier,
            detail: "policy".to_owned(),
            identifier: Some(RawIdentifier::from(&identifier)),
        }],
    );
    assert_eq!(
        to_value(&problem).unwrap(),
        json!({
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "why",
            "status": 400,
            "subproblems": [{
                "type": "urn:ietf:params:acme:error:rejectedIdentifier",
                "detail": "policy",
                "identifier": {"type": "dns", "value": "a.example"},
            }],
        })
    );
    assert_eq!(
        StoredProblem::from(&problem),
        StoredProblem {
            r#type: "urn:ietf:params:acme:error:rejectedIdentifier".to_owned(),
            detail: "why".to_owned(),
            status: 400,
        }
    );
}

#[test]
fn row_7_an_internal_fault_says_nothing_about_its_cause() {
    let problem = Problem::server_internal();
    assert_eq!((problem.kind, problem.status), (ProblemType::ServerInternal, 500));
    assert_eq!(problem.to_string(), format!("{}: {}", problem.kind.urn(), problem.detail));
}

fn directory() -> Directory {
    Directory {
        new_nonce: "https://ca/n".to_owned(),
        new_account: "https://ca/a".to_owned(),
        new_order: "https://ca/o".to_owned(),
        new_authz: "https://ca/z".to_owned(),
        revoke_cert: "https://ca/r".to_owned(),
        key_change: "https://ca/k".to_owned(),
        renewal_info: None,
        meta: DirectoryMeta::default(),
    }
}

#[test]
fn row_11_the_directory_has_what_is_served() {
    assert_eq!(
        to_value(directory()).unwrap(),
        json!({
            "newNonce": "https://ca/n",
            "newAccount": "https://ca/a",
            "newOrder": "https://ca/o",
            "newAuthz": "https://ca/z",
            "revokeCert": "https://ca/r",
            "keyChange": "https://ca/k",
        })
    );
}

#[test]
fn row_12_meta_has_the_names_of_the_rfcs() {
    let meta = DirectoryMeta {
        terms_of_service: Some("https://ca/tos".to_owned()),
        website: Some("https://ca/".to_owned()),
        caa_identities: Some(vec!["ca.example".to_owned()]),
        external_account_required: Some(true),
        profiles: Some(BTreeMap::from([("short".to_owned(), "six days".to_owned())])),
    };
    let body =
        to_value(Directory { renewal_info: Some("https://ca/i".to_owned()), meta, ..directory() }).unwrap();
    assert_eq!(body["renewalInfo"], "https://ca/i");
    assert_eq!(
        body["meta"],
        json!({
            "termsOfService": "https://ca/tos",
            "website": "https://ca/",
            "caaIdentities": ["ca.example"],
            "externalAccountRequired": true,
            "profiles": {"short": "six days"},
        })
    );
}

#[test]
fn row_51_the_account_object() {
    let mut account = AccountObject {
        status: AccountStatus::Valid,
        contact: vec![],
        terms_of_service_agreed: None,
        external_account_binding: None,
        orders: "https://ca/orders".to_owned(),
    };
    assert_eq!(
        to_value(&account).unwrap(),
        json!({"status": "valid", "contact": [], "orders": "https://ca/orders"})
    );
    account.terms_of_service_agreed = Some(true);
    account.status = AccountStatus::Suspended;
    let binding = r#"{ "protected":"e30",  "b":1,"a":2 }"#;
    account.external_account_binding = Some(RawValue::from_string(binding.to_owned()).unwrap());
    let text = serde_json::to_string(&account).unwrap();
    assert!(text.contains(&format!(r#""externalAccountBinding":{binding},"#)), "{text}");
    let body = to_value(&account).unwrap();
    assert_eq!((&body["status"], &body["termsOfServiceAgreed"]), (&json!("revoked"), &json!(true)));
}

#[test]
fn row_76_the_order_object() {
    let mut order = OrderObject {
        status: OrderStatus::Pending,
        expires: TIME,
        not_before: None,
        not_after: None,
        identifiers: vec![
            Identifier::parse_any("a.example").unwrap(),
            Identifier::parse_any("2001:DB8::1").unwrap(),
        ],
        profile: None,
        authorizations: vec!["https://ca/authz".to_owned()],
        finalize: "https://ca/finalize".to_owned(),
        certificate: None,
        error: None,
        replaces: None,
    };
    let least = json!({
        "status": "pending",
        "expires": "2027-01-15T08:00:00Z",
        "identifiers": [{"type": "dns", "value": "a.example"}, {"type": "ip", "value": "2001:db8::1"}],
        "authorizations": ["https://ca/authz"],
        "finalize": "https://ca/finalize",
    });
    assert_eq!(to_value(&order).unwrap(), least);

    order.not_before = Some(TIME);
    order.not_after = Some(TIME);
    order.profile = Some("short".to_owned());
    order.certificate = Some("https://ca/cert".to_owned());
    order.error = Some(StoredProblem::from(&Problem::server_internal()));
    order.replaces = Some("a.b".to_owned());
    let body = to_value(&order).unwrap();
    assert_eq!(body["notBefore"], "2027-01-15T08:00:00Z");
    assert_eq!(body["notAfter"], "2027-01-15T08:00:00Z");
    assert_eq!(body["profile"], "short");
    assert_eq!(body["certificate"], "https://ca/cert");
    assert_eq!(body["error"]["type"], "urn:ietf:params:acme:error:serverInternal");
    assert_eq!(body["replaces"], "a.b");
    assert_eq!(to_value(OrdersList { orders: vec!["u".to_owned()] }).unwrap(), json!({"orders": ["u"]}));
}

#[test]
fn row_96_wildcard_is_there_only_when_true() {
    let mut authorization = AuthorizationObject {
        status: AuthorizationStatus::Valid,
        expires: Some(TIME),
        identifier: Identifier::parse_any("a.example").unwrap(),
        challenges: vec![ChallengeObject {
            r#type: ChallengeKind::TlsAlpn01,
            url: "https://ca/challenge".to_owned(),
            status: ChallengeStatus::Valid,
            token: "t".to_owned(),
            validated: Some(TIME),
            error: None,
        }],
        wildcard: false,
    };
    assert_eq!(
        to_value(&authorization).unwrap(),
        json!({
            "status": "valid",
            "expires": "2027-01-15T08:00:00Z",
            "identifier": {"type": "dns", "value": "a.example"},
            "challenges": [{
                "type": "tls-alpn-01",
                "url": "https://ca/challenge",
                "status": "valid",
                "token": "t",
                "validated": "2027-01-15T08:00:00Z",
            }],
        })
    );
    authorization.wildcard = true;
    assert_eq!(to_value(&authorization).unwrap()["wildcard"], true);
}

#[test]
fn row_85_addresses_are_not_offered_dns_01() {
    use ChallengeKind::{Dns01, Http01, TlsAlpn01};
    let name = Identifier::parse_any("a.example").unwrap();
    let address = Identifier::parse_any("10.0.0.1").unwrap();
    assert_eq!(offered(&name, false), [Http01, Dns01, TlsAlpn01]);
    assert_eq!(offered(&name, true), [Dns01]);
    assert_eq!(offered(&address, false), [Http01, TlsAlpn01]);
    assert_eq!(key_authorization("token", "thumbprint"), "token.thumbprint");
}

#[test]
fn row_94_the_moves_are_those_of_section_7_1_6() {
    use OrderStatus as O;
    let legal = [
        (O::Pending, O::Ready),
        (O::Pending, O::Invalid),
        (O::Ready, O::Processing),
        (O::Ready, O::Invalid),
        (O::Processing, O::Valid),
        (O::Processing, O::Invalid),
    ];
    for from in O::ALL {
        for to in O::ALL {
            assert_eq!(order_may_become(*from, *to), legal.contains(&(*from, *to)), "{from} to {to}");
        }
    }
}

#[test]
fn row_98_final_authorizations_stay() {
    use AuthorizationStatus as A;
    for from in A::ALL {
        for to in A::ALL {
            let legal = match from {
                A::Pending => *to != A::Pending,
                A::Valid => matches!(to, A::Deactivated | A::Expired | A::Revoked),
                A::Invalid | A::Deactivated | A::Expired | A::Revoked => false,
            };
            assert_eq!(authorization_may_become(*from, *to), legal, "{from} to {to}");
        }
    }
    assert!(challenge_may_become(ChallengeStatus::Pending, ChallengeStatus::Processing));
    assert!(challenge_may_become(ChallengeStatus::Processing, ChallengeStatus::Invalid));
    assert!(!challenge_may_become(ChallengeStatus::Invalid, ChallengeStatus::Processing));
    assert!(account_may_become(AccountStatus::Suspended, AccountStatus::Valid));
    assert!(!account_may_become(AccountStatus::Deactivated, AccountStatus::Valid));
}
