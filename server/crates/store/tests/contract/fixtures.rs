//! Rows to store, each valid by itself.

use std::time::Duration;

use model::*;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
pub const ISSUER: &str = "iss-test";
pub const PROFILE: &str = "prof-test";

pub fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// An account whose key has this thumbprint.
pub fn account(thumbprint: &str) -> Account {
    Account {
        id: AccountId::generate(NOW, &SystemEntropy),
        status: AccountStatus::Valid,
        jwk: "{}".to_owned(),
        key_thumbprint: thumbprint.to_owned(),
        contacts: vec!["mailto:a@example.com".to_owned()],
        external_account: None,
        terms_version: None,
        created_at: NOW,
        created_from: Some("192.0.2.1".parse().unwrap()),
        last_seen_at: NOW,
        version: 1,
    }
}

/// An order of `name` that is ready and good for a minute, as its authorization is.
pub fn order(account: &AccountId, name: &str) -> NewOrder {
    order_at(account, name, NOW)
}

/// As [`order`], made at `now`.
pub fn order_at(account: &AccountId, name: &str, now: Timestamp) -> NewOrder {
    let expires_at = now + Duration::from_secs(60);
    let identifier = Identifier::parse_any(name).unwrap();
    let id = OrderId::generate(now, &SystemEntropy);
    let (base, wildcard) = match &identifier {
        Identifier::Dns(dns) => (Identifier::parse_any(dns.base()).unwrap(), dns.is_wildcard()),
        Identifier::Ip(_) => (identifier.clone(), false),
    };
    let authorization = Authorization {
        id: AuthorizationId::generate(now, &SystemEntropy),
        order_id: Some(id.clone()),
        account_id: account.clone(),
        profile_id: PROFILE.parse().unwrap(),
        identifier: base,
        wildcard,
        status: AuthorizationStatus::Valid,
        token: "token".to_owned(),
        offered: None,
        source_id: None,
        created_at: now,
        expires_at,
        validated_at: Some(now),
    };
    let order = Order {
        id,
        account_id: account.clone(),
        profile_id: PROFILE.parse().unwrap(),
        status: OrderStatus::Ready,
        identifiers: vec![identifier],
        not_before: None,
        not_after: None,
        replaces: None,
        error: None,
        csr_sha256: None,
        certificate_id: None,
        authorization_ids: vec![authorization.id.clone()],
        created_at: now,
        expires_at,
        updated_at: now,
    };
    NewOrder { order, authorizations: vec![authorization] }
}

/// A certificate of `name` that is good for an hour. `number` makes it unlike others.
pub fn certificate(account: &AccountId, name: &str, number: u64) -> Certificate {
    let summary = CertificateSummary {
        id: CertificateId::generate(NOW, &SystemEntropy),
        serial: format!("{number:032x}"),
        issuer_id: ISSUER.parse().unwrap(),
        profile_id: PROFILE.parse().unwrap(),
        account_id: Some(account.clone()),
        order_id: None,
        common_name: None,
        identifiers: vec![Identifier::parse_any(name).unwrap()],
        key_type: KeyType::EcdsaP256,
        sha256: format!("{number:064x}"),
        not_before: NOW,
        not_after: after(3600),
        created_at: NOW,
        revocation: None,
        renewal_demand: None,
        replaced_by: None,
    };
    Certificate { summary, der: vec![0x30, 0x00], chain_id: "chain".to_owned(), replaced_by_order: None }
}

/// Of certificates that are selected one by one. `actor`: the kind of whoever started it, `usr` or `key`.
pub fn bulk_action(actor: &str) -> BulkAction {
    BulkAction {
        id: BulkActionId::generate(NOW, &SystemEntropy),
        state: BulkActionState::Running,
        change: BulkChange::Revoke { reason: RevocationReason::UNSPECIFIED, comment: "a test".to_owned() },
        selection: BulkSelection::Ids(vec![CertificateId::generate(NOW, &SystemEntropy)]),
        actor: match actor {
            "usr" => Actor::User(UserId::generate(NOW, &SystemEntropy)),
            _ => Actor::ApiKey(ApiKeyId::generate(NOW, &SystemEntropy)),
        },
        client_ip: Some("192.0.2.1".parse().unwrap()),
        request_id: Some("r".to_owned()),
        total: 1,
        done: 0,
        failed: 0,
        replaced: None,
        position: None,
        claim: None,
        due_at: Some(NOW),
        created_at: NOW,
        ended_at: None,
        note: None,
    }
}

pub fn event(actor: &str, action: &str) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::generate(NOW, &SystemEntropy),
        created_at: NOW,
        actor: actor.to_owned(),
        action: action.to_owned(),
        resource_type: "order".to_owned(),
        resource_id: "x".to_owned(),
        outcome: Outcome::Success,
        client_ip: Some("192.0.2.1".parse().unwrap()),
        request_id: None,
        details: serde_json::json!({ "n": 1 }),
    }
}

pub fn issuer() -> Issuer {
    Issuer {
        id: ISSUER.parse().unwrap(),
        name: "Test CA".to_owned(),
        chain: vec![vec![0x30, 0x00], vec![0x30, 0x01, 0x00]],
        sealed_key: Some(vec![1, 2, 3]),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A profile under [`issuer`]; all but the required members of its spec are defaults.
pub fn profile(id: &str) -> Profile {
    let spec = serde_json::json!({
        "name": "Test",
        "issuer_id": ISSUER,
        "acme_auth_mode": "trust_authenticated",
        "max_ttl_seconds": 3600,
    });
    Profile {
        id: id.parse().unwrap(),
        spec: serde_json::from_value(spec).unwrap(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub fn api_key(name: &str, sha256: [u8; 32]) -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(NOW, &SystemEntropy),
        name: name.to_owned(),
        sha256,
        grant: Grant { role: "operator".parse().unwrap(), profiles: vec![PROFILE.parse().unwrap()] },
        allowed_networks: vec!["192.0.2.0/24".parse().unwrap()],
        created_by: "system:test".to_owned(),
        created_at: NOW,
        expires_at: Some(after(600)),
        revoked_at: None,
        replaced_by: None,
        last_used_at: None,
        last_used_from: None,
    }
}

/// Somebody without a role of their own.
pub fn user(provider: &str, subject: &str) -> User {
    User {
        id: UserId::generate(NOW, &SystemEntropy),
        provider_id: provider.parse().unwrap(),
        subject: subject.to_owned(),
        name: "Some Body".to_owned(),
        email: Some("some@example.com".to_owned()),
        groups: vec!["staff".to_owned()],
        grants: Vec::new(),
        version: 1,
        created_at: NOW,
        last_sign_in_at: None,
        deactivated_at: None,
    }
}

/// A session of an hour, whose cookie has this hash.
pub fn session(principal: Principal, id_sha256: [u8; 32]) -> Session {
    Session {
        id: SessionId::generate(NOW, &SystemEntropy),
        id_sha256,
        principal,
        method: SignInMethod::Oidc,
        provider_id: None,
        provider_session: None,
        client_ip: Some("192.0.2.1".parse().unwrap()),
        user_agent: Some("a test".to_owned()),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: after(3600),
        data: SessionData {
            csrf_token: "token".to_owned(),
            rights_digest: "digest".to_owned(),
            sealed_id_token: None,
        },
    }
}

pub fn provider(id: &str) -> Provider {
    let spec = ProviderSpec {
        name: "Example".to_owned(),
        issuer: "https://idp.example".to_owned(),
        client_id: "certctl".to_owned(),
        scopes: Vec::new(),
        groups_claim: "groups".to_owned(),
        group_mappings: Vec::new(),
        allowed_email_domains: Vec::new(),
        ca_certificates: None,
        enabled: true,
    };
    Provider {
        id: id.parse().unwrap(),
        spec,
        sealed_client_secret: Some(vec![1]),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}
