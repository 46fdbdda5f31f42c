//! The OpenID providers that people sign in through.

use model::{
    Caller, Grant, Page, PageRequest, Permission, Provider, ProviderId, ProviderSpec, SessionId, UserFilter,
};
use serde_json::{Value, json};
use store::{Reader, Tx};

use super::administration::begin_change;
use crate::auth::{authorise, check_grantable};
use crate::config::Secret;
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};
use crate::oidc;

/// A provider as an administrator writes it.
#[derive(Debug)]
pub struct Written {
    pub spec: ProviderSpec,
    /// `None`: as it was. Empty: none.
    pub client_secret: Option<Secret>,
}

pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<Provider>> {
    authorise(caller, Permission::ProviderRead)?;
    Ok(core.store.read().await?.providers(page).await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &ProviderId) -> Result<Provider> {
    authorise(caller, Permission::ProviderRead)?;
    core.store.read().await?.provider(id).await?.ok_or_else(|| unknown(id))
}

/// `id`: chosen by the caller, else generated.
pub async fn create(
    core: &Core,
    caller: &Caller,
    id: Option<ProviderId>,
    mut written: Written,
) -> Result<Provider> {
    authorise(caller, Permission::ProviderEdit)?;
    check(&mut written)?;
    let now = core.now();
    let id = id.unwrap_or_else(|| ProviderId::generate(now, core.entropy.as_ref()));
    if id == ProviderId::local() {
        return Err(Error::invalid("id", "`local` stands for this machine itself"));
    }
    let sealed_client_secret = seal(core, &id, written.client_secret.as_ref());
    let spec = written.spec;
    let provider = Provider { id, spec, sealed_client_secret, version: 1, created_at: now, updated_at: now };
    let details = json!({ "after": shown(&provider) });
    let event = core.event(caller, "provider.created", Resource("provider", provider.id.as_str()), details);
    let (stored, caller) = (provider.clone(), caller.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                if tx.provider(&stored.id).await?.is_some() {
                    return Err(Error::Conflict(format!("the provider {} exists already", stored.id)));
                }
                // Subjects mean nothing beyond their issuer: those of another one must not become these people.
                if has_users(tx, &stored.id).await? {
                    return Err(Error::Conflict(format!(
                        "there are users of an earlier provider {}; choose another id",
                        stored.id
                    )));
                }
                check_mappings(tx, &caller, &stored).await?;
                tx.insert_provider(&stored).await?;
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(provider)
}

/// Replaces a provider. `expected_version`: from If-Match; `None` takes any. One that is disabled by this ends its
/// sessions.
pub async fn update(
    core: &Core,
    caller: &Caller,
    id: &ProviderId,
    expected_version: Option<i64>,
    mut written: Written,
) -> Result<Provider> {
    authorise(caller, Permission::ProviderEdit)?;
    let before = core.store.read().await?.provider(id).await?.ok_or_else(|| unknown(id))?;
    check_version(&before, expected_version)?;
    check(&mut written)?;
    let sealed_client_secret = match &written.client_secret {
        None => before.sealed_client_secret.clone(),
        secret => seal(core, id, secret.as_ref()),
    };
    let secret_changed = written.client_secret.is_some();
    if written.spec == before.spec && !secret_changed {
        return Ok(before);
    }
    let after = Provider {
        spec: written.spec,
        sealed_client_secret,
        version: before.version + 1,
        updated_at: core.now(),
        ..before.clone()
    };
    let mut details = json!({
        "before": shown(&before), "after": shown(&after), "client_secret_changed": secret_changed,
    });
    let event = core.event(caller, "provider.updated", Resource("provider", id.as_str()), Value::Null);
    let (stored, caller, now) = (after.clone(), caller.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let admin = begin_change(tx, now).await?;
                if stored.spec.issuer != before.spec.issuer && has_users(tx, &stored.id).await? {
                    return Err(Error::Conflict(
                        "people have signed in by this provider, and another issuer knows other people; create \
                         another provider for it"
                            .to_owned(),
                    ));
                }
                check_mappings(tx, &caller, &stored).await?;
                if !tx.replace_provider(&stored, before.version).await? {
                    return Err(lost_update(&before.id, None));
                }
                if !stored.spec.enabled {
                    let ended = tx.delete_sessions_of_provider(&stored.id).await?;
                    details["ended_sessions"] = ended.iter().map(SessionId::as_str).collect();
                }
                admin.ensure_left(tx, now).await?;
                tx.record(&[model::AuditEvent { details, ..event }]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(after)
}

/// Deletes a provider and ends its sessions. Its users stay, because audit events point at them.
pub async fn delete(
    core: &Core,
    caller: &Caller,
    id: &ProviderId,
    expected_version: Option<i64>,
) -> Result<()> {
    authorise(caller, Permission::ProviderEdit)?;
    let before = core.store.read().await?.provider(id).await?.ok_or_else(|| unknown(id))?;
    check_version(&before, expected_version)?;
    let event = core.event(caller, "provider.deleted", Resource("provider", id.as_str()), Value::Null);
    let now = core.now();
    let deleted = id.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let admin = begin_change(tx, now).await?;
                if !tx.delete_provider(&deleted, before.version).await? {
                    return Err(lost_update(&before.id, None));
                }
                let ended = tx.delete_sessions_of_provider(&deleted).await?;
                admin.ensure_left(tx, now).await?;
                let ended: Vec<_> = ended.iter().map(SessionId::as_str).collect();
                let details = json!({ "before": shown(&before), "ended_sessions": ended });
                tx.record(&[model::AuditEvent { details, ..event }]).await?;
                Ok(())
            })
        })
        .await?;
    core.oidc.remotes.forget(id);
    Ok(())
}

/// What is right and wrong with the provider as it is stored. Asks the provider; changes nothing.
pub async fn test(core: &Core, caller: &Caller, id: &ProviderId) -> Result<Vec<oidc::Check>> {
    authorise(caller, Permission::ProviderEdit)?;
    let provider = core.store.read().await?.provider(id).await?.ok_or_else(|| unknown(id))?;
    let environment = oidc::Environment {
        redirect_uri: &core.oidc.links.oidc_callback(id),
        backchannel_logout_uri: &core.oidc.links.oidc_backchannel_logout(id),
        post_logout_redirect_uri: &core.oidc.links.signed_out(),
        has_client_secret: provider.sealed_client_secret.is_some(),
        bootstrap_groups: !core.oidc.bootstrap_admin_groups.is_empty(),
    };
    Ok(oidc::examine(&provider.spec, &environment).await)
}

/// The client secret in clear, where there is one.
pub fn client_secret(core: &Core, provider: &Provider) -> Result<Option<Secret>> {
    let Some(sealed) = &provider.sealed_client_secret else { return Ok(None) };
    let opened = core
        .sealer
        .open(Provider::SEAL_PURPOSE, provider.id.as_str(), sealed)
        .map_err(|e| Error::Internal(format!("the client secret of {}: {e}", provider.id)))?;
    match std::str::from_utf8(&opened) {
        Ok(secret) => Ok(Some(Secret::new(secret))),
        Err(_) => Err(Error::Internal(format!("the client secret of {} is no text", provider.id))),
    }
}

fn seal(core: &Core, id: &ProviderId, secret: Option<&Secret>) -> Option<Vec<u8>> {
    let secret = secret.map(Secret::expose).filter(|secret| !secret.is_empty())?;
    let purpose = Provider::SEAL_PURPOSE;
    Some(core.sealer.seal(purpose, id.as_str(), secret.as_bytes(), core.entropy.as_ref()))
}

/// A provider for the audit trail.
fn shown(provider: &Provider) -> Value {
    let mut value = json!(provider.spec);
    value["has_client_secret"] = provider.sealed_client_secret.is_some().into();
    value
}

/// Whoever writes a provider decides who its people are, so they must hold all that it gives, also what it gave before.
async fn check_mappings(tx: &mut Tx, caller: &Caller, provider: &Provider) -> Result<()> {
    let grants: Vec<Grant> = provider.spec.group_mappings.iter().map(|m| m.grant.clone()).collect();
    check_grantable(tx, caller, &grants).await.map_err(|error| match error {
        Error::Invalid(fields) => {
            Error::Invalid(fields.into_iter().map(|f| FieldError::new("group_mappings", f.reason)).collect())
        }
        other => other,
    })
}

async fn has_users(db: &mut Reader, id: &ProviderId) -> Result<bool> {
    let filter = UserFilter { provider_id: Some(id.clone()), page: PageRequest { after: None, limit: 1 } };
    Ok(!db.users(&filter).await?.items.is_empty())
}

fn unknown(id: &ProviderId) -> Error {
    Error::not_found(format!("provider {id}"))
}

fn check_version(current: &Provider, expected: Option<i64>) -> Result<()> {
    match expected.is_none_or(|expected| expected == current.version) {
        true => Ok(()),
        false => Err(lost_update(&current.id, Some(current.version))),
    }
}

fn lost_update(id: &ProviderId, now_at: Option<i64>) -> Error {
    Error::outdated(format_args!("the provider {id}"), now_at)
}

/// Brings what was written into its one form, and reports every wrong field.
fn check(written: &mut Written) -> Result<()> {
    let spec = &mut written.spec;
    // It is always asked for.
    spec.scopes.retain(|scope| scope != "openid");
    spec.allowed_email_domains.iter_mut().for_each(|domain| domain.make_ascii_lowercase());
    spec.ca_certificates = spec.ca_certificates.take().filter(|pem| !pem.trim().is_empty());

    let mut wrong = Vec::new();
    let mut require = |good: bool, field: &str, reason: &str| {
        if !good {
            wrong.push(FieldError::new(field, reason));
        }
    };
    let length = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    require(
        !spec.name.trim().is_empty() && length(&spec.name, 100),
        "name",
        "1 to 100 characters are allowed",
    );
    require(
        oidc::is_https(&spec.issuer) && !spec.issuer.contains('?') && length(&spec.issuer, 500),
        "issuer",
        "it is no https URL of an issuer, without query and fragment",
    );
    require(
        length(&spec.client_id, 255) && !spec.client_id.contains(char::is_control),
        "client_id",
        "1 to 255 characters are allowed",
    );
    require(
        spec.scopes.len() <= 50 && spec.scopes.iter().all(|scope| is_scope(scope)),
        "scopes",
        "at most 50 are allowed, each without spaces (RFC 6749 §3.3)",
    );
    require(length(&spec.groups_claim, 255), "groups_claim", "1 to 255 characters are allowed");
    require(
        spec.group_mappings.len() <= 500 && spec.group_mappings.iter().all(|m| length(&m.group, 255)),
        "group_mappings",
        "at most 500 are allowed, each with a group of 1 to 255 characters",
    );
    require(
        spec.allowed_email_domains.len() <= 100 && spec.allowed_email_domains.iter().all(|d| is_domain(d)),
        "allowed_email_domains",
        "at most 100 domains are allowed, for example example.com",
    );
    if let Some(pem) = &spec.ca_certificates {
        match oidc::parse_certificates(pem) {
            Ok(certificates) if certificates.len() <= 50 => {}
            Ok(_) => require(false, "ca_certificates", "at most 50 certificates are allowed"),
            Err(why) => require(false, "ca_certificates", &why),
        }
    }
    let secret = written.client_secret.as_ref();
    require(
        secret.is_none_or(|secret| secret.expose().chars().count() <= 1000),
        "client_secret",
        "at most 1000 characters are allowed",
    );
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

fn is_scope(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(change: impl FnOnce(&mut ProviderSpec)) -> Written {
        let mut spec = ProviderSpec {
            name: "Company".to_owned(),
            issuer: "https://idp.example.com/realms/a".to_owned(),
            client_id: "certctl".to_owned(),
            scopes: vec!["openid".to_owned(), "groups".to_owned()],
            groups_claim: "groups".to_owned(),
            group_mappings: Vec::new(),
            allowed_email_domains: vec!["Example.COM".to_owned()],
            ca_certificates: Some("\n".to_owned()),
            enabled: true,
        };
        change(&mut spec);
        Written { spec, client_secret: None }
    }

    fn wrong(mut written: Written) -> Vec<String> {
        match check(&mut written) {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|f| f.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_gets_one_form() {
        let mut good = written(|_| ());
        check(&mut good).unwrap();
        assert_eq!(good.spec.scopes, ["groups"]);
        assert_eq!(good.spec.allowed_email_domains, ["example.com"]);
        assert_eq!(good.spec.ca_certificates, None);
    }

    #[test]
    fn every_wrong_field_is_named() {
        for issuer in
            ["", "idp.example.com", "http://idp.example.com", "https://a/?b", "https://u:p@a/", "https://"]
        {
            assert_eq!(wrong(written(|s| s.issuer = issuer.to_owned())), ["issuer"], "{issuer}");
        }
        assert_eq!(wrong(written(|s| s.scopes = vec!["a b".to_owned()])), ["scopes"]);
        assert_eq!(wrong(written(|s| s.allowed_email_domains = vec!["@example.com".to_owned()])).len(), 1);
        assert_eq!(wrong(written(|s| s.ca_certificates = Some("x".to_owned()))), ["ca_certificates"]);
        let all = wrong(written(|s| {
            s.name = " ".to_owned();
            s.client_id = String::new();
            s.groups_claim = String::new();
        }));
        assert_eq!(all, ["name", "client_id", "groups_claim"]);
        let mut secret = written(|_| ());
        secret.client_secret = Some(Secret::new("x".repeat(1001)));
        assert_eq!(wrong(secret), ["client_secret"]);
    }
}
