//! The page of the rate limits.

use end2end::browser::location;
use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::world::{World, words};

const LIMITS: &str = "/api/acme/rate-limits";

on_each_engine!(
    the_limits_in_force_and_who_is_near_them,
    limits_are_changed_by_a_form_and_not_lost,
    a_counter_is_reset_by_a_form,
);

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

/// The fields of the form as the page has them, with some changed.
fn fields(page: &str, changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let form = page.split("class=\"form\"").nth(1).unwrap();
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1)?;
        Some(value.split('"').next().unwrap().to_owned())
    };
    let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    let all =
        inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
    all.filter(|(name, _)| name != "csrf_token")
        .map(|(name, value)| {
            let change = changed.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            (name, change.unwrap_or(value))
        })
        .collect()
}

fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (&**name, &**value)).collect()
}

async fn limits_are_changed_by_a_form_and_not_lost(engine: Engine) {
    let world = World::new(engine).await;
    let form = world.page("/rate-limits/edit").await;
    assert!(words(&form).contains("The default is 100000. Nothing, or 0: no limit."), "{form}");
    let wrong =
        [("account_orders_per_hour", "lots"), ("name_orders_per_hour", "7"), ("network_prefix_ipv4", "99")];
    let refused = world.submit("/rate-limits/edit", &pairs(&fields(&form, &wrong))).await;
    assert_eq!(refused.status, 422);
    let html = refused.text();
    for wanted in ["value=\"lots\"", "value=\"7\"", "field-account_orders_per_hour-error"] {
        assert!(html.contains(wanted), "no `{wanted}` in {html}");
    }
    let wrong = [("network_prefix_ipv4", "99")];
    let refused = world.submit("/rate-limits/edit", &pairs(&fields(&form, &wrong))).await;
    assert!(words(&refused.text()).contains("8 to 32 are allowed"), "{}", refused.text());

    let mine = fields(&form, &[("account_orders_per_hour", "70"), ("account_pending_orders", "")]);
    assert_eq!(location(&world.submit("/rate-limits/edit", &pairs(&mine)).await), "/rate-limits");
    let page = words(&world.page("/rate-limits").await);
    assert!(page.contains("in force here") && page.contains("account_orders_per_hour 70 set"), "{page}");
    assert!(page.contains("account_pending_orders no limit set"), "{page}");

    // Somebody who had opened the form before is shown both, and then decides.
    let theirs = fields(&form, &[("account_orders_per_hour", "80")]);
    let refused = world.submit("/rate-limits/edit", &pairs(&theirs)).await;
    assert_eq!(refused.status, 412);
    let html = refused.text();
    assert!(html.contains("value=\"80\"") && html.contains("value=\"20000\""), "{html}");
    let page = words(&html);
    let [stored, mine] = ["Stored now Yours ", "Save mine in its place"].map(|wanted| page.find(wanted));
    assert!(page.contains("Somebody has changed this") && stored.is_some() && mine.is_some(), "{page}");
    let told = html.split("class=\"changes\"").nth(1).unwrap().split("</table>").next().unwrap();
    let rows: Vec<_> = told.split("<tr>").skip(2).map(words).collect();
    assert_eq!(rows.len(), 2, "only where they differ: {rows:?}");
    assert!(rows[0].contains(" 70 80") && rows[1].contains(" no limit 20000"), "{rows:?}");
    assert_eq!(world.api.get(LIMITS).await.expect(200)["account_orders_per_hour"], 70, "nothing is lost");
    let answer = world.submit("/rate-limits/edit", &pairs(&fields(&html, &[]))).await;
    assert_eq!(location(&answer), "/rate-limits");
    let stored = world.api.get(LIMITS).await.expect(200);
    assert_eq!(
        (&stored["account_orders_per_hour"], &stored["account_pending_orders"]),
        (&80.into(), &20_000.into())
    );
}

async fn a_counter_is_reset_by_a_form(engine: Engine) {
    let world = World::new(engine).await;
    world.api.put(LIMITS, json!({ "account_orders_per_hour": 3 })).await.expect(200);
    world.acme.issue(world.signer(), &["dns:c.test"]).await;
    let refused = world.acme.order(world.signer(), &["dns:d.test"]).await;
    assert_eq!(refused.status, 429);
    let subject = format!("account:{}", world.account_id());
    let html = world.page("/rate-limits").await;
    let link = html.split("href=\"/rate-limits/reset?").nth(1).unwrap().split('"').next().unwrap();
    let form = world.page(&format!("/rate-limits/reset?{}", link.replace("&amp;", "&"))).await;
    assert!(form.contains(&format!("value=\"{subject}\"")), "{form}");

    let sent = [("subject", "nobody"), ("limit", ""), ("reason", "a <test>")];
    let refused = world.submit("/rate-limits/reset", &sent).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("value=\"nobody\"") && refused.text().contains("not a subject"));
    let sent = [("subject", &*subject), ("limit", "name_orders_per_hour"), ("reason", "a test")];
    let refused = world.submit("/rate-limits/reset", &sent).await;
    assert!(words(&refused.text()).contains("does not count"), "{}", refused.text());

    let sent = [("subject", &*subject), ("limit", "account_orders_per_hour"), ("reason", "a test")];
    let page = location(&world.submit("/rate-limits/reset", &sent).await);
    let page = words(&world.page(&page).await);
    assert!(page.contains("may begin anew") && page.contains("0 of 3 below"), "{page}");
    world.acme.order(world.signer(), &["dns:d.test"]).await.expect(201);
    let event = world.only("/api/audit-events?action=rate_limit.reset").await;
    assert_eq!(event["details"]["reason"], "a test");
}
