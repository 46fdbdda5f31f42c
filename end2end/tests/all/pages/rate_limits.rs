//! The page of the rate limits.

use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::world::{World, words};

const LIMITS: &str = "/api/acme/rate-limits";

on_each_engine!(the_limits_in_force_and_who_is_near_them);

async fn the_limits_in_force_and_who_is_near_them(engine: Engine) {
    let world = World::new(engine).await;
    let page = words(&world.page("/rate-limits").await);
    assert!(page.contains("Nobody is near a limit") && page.contains("/24 of IPv4"), "{page}");
    let change = json!({ "account_orders_per_hour": 3, "name_orders_per_hour": null });
    world.api.put(LIMITS, change).await.expect(200);
    world.acme.issue(world.signer(), &["dns:c.test"]).await;
    let html = world.page("/rate-limits").await;
    let page = words(&html);
    for wanted in [
        "account_orders_per_hour 3 set; the default is 100,000",
        "name_orders_per_hour no limit set; the default is 2,000",
        "network_orders_per_hour 1,000,000 default",
        &format!("account:{} orders per hour of one account 3 of 3 reached", world.account_id()),
    ] {
        assert!(page.contains(wanted), "no `{wanted}` in {page}");
    }
    assert!(html.contains(&format!("href=\"/acme-accounts/{}\"", world.account_id())), "{html}");
    let of_one = words(&world.page("/rate-limits?subject=name:a.test").await);
    assert!(of_one.contains("orders per hour for one name or address"), "{of_one}");
    assert!(of_one.contains("of any number below"), "{of_one}");
    let wrong = world.admin.get(&world.server, "/rate-limits?subject=nobody").await;
    assert_eq!(wrong.status, 422);
    assert!(words(&wrong.text()).contains("not a subject"), "{}", wrong.text());

    let viewer = world.browser_of("viewer", &[]).await;
    world.page_of(&viewer, "/rate-limits").await;
    let agent = world.browser_of("agent", &[]).await;
    assert_eq!(agent.get(&world.server, "/rate-limits").await.status, 403);
}
