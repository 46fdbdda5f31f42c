//! Orders as administrators see them.

use model::{Authorization, Caller, Order, OrderFilter, OrderId, Page};

use crate::auth::{Permission, authorise};
use crate::core::Core;
use crate::error::{Error, Result};

pub async fn list(core: &Core, caller: &Caller, filter: &OrderFilter) -> Result<Page<Order>> {
    authorise(caller, Permission::OrderRead)?;
    Ok(core.store.read().await?.orders(filter).await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &OrderId) -> Result<(Order, Vec<Authorization>)> {
    authorise(caller, Permission::OrderRead)?;
    let mut db = core.store.read().await?;
    let order = db.order(id).await?.ok_or_else(|| Error::not_found(format!("order {id}")))?;
    let authorizations = db.authorizations_of_order(id).await?;
    Ok((order, authorizations))
}
