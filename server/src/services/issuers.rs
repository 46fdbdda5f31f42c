use model::{Caller, Issuer, IssuerId, Permission};

use crate::auth::authorise;
use crate::core::Core;
use crate::error::{Error, Result};

pub async fn list(core: &Core, caller: &Caller) -> Result<Vec<Issuer>> {
    authorise(caller, Permission::IssuerRead)?;
    Ok(core.store.read().await?.issuers().await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &IssuerId) -> Result<Issuer> {
    authorise(caller, Permission::IssuerRead)?;
    let issuer = core.store.read().await?.issuer(id).await?;
    issuer.ok_or_else(|| Error::not_found(format!("issuer {id}")))
}
