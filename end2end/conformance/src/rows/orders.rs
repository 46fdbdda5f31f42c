//! Rows 4 and 76–81: newOrder and its identifiers (RFC 8555 §7.4).

use serde_json::{Value, json};

use crate::exchange::Answer;
use crate::finding::{Verdict, not_applicable};
use crate::flow::identifier;
use crate::probe::Probe;
use crate::row::rows;
use crate::times;

rows! {
    4 "several identifiers fail" => "`subproblems`, each with its `identifier`; none at the top",
        "RFC 8555 §6.7.1: `identifier` must not be at the top level; subproblems say which identifier failed",
        row_4_subproblems;
    76 "newOrder" => "201 with Location, status, expires, identifiers, authorizations, finalize",
        "RFC 8555 §7.4: 201, the order's URL in Location; §7.1.3: the order's fields", row_76_new_order;
    77 "identifiers empty or of a wrong type" => "400 malformed",
        "RFC 8555 §7.4: identifiers is a required array of objects with type and value", row_77_bad_identifiers;
    78 "identifier of an unknown type" => "400 unsupportedIdentifier",
        "RFC 8555 §6.7: unsupportedIdentifier says that the identifier's type is not supported",
        row_78_unknown_type;
    79 "bad label, length, port or userinfo, invalid `xn--`" => "400 malformed with a subproblem",
        "RFC 8555 §7.1.4: the value of a dns identifier is a domain name", row_79_bad_names;
    80 "`*` not leftmost, or twice" => "400 malformed",
        "RFC 8555 §7.1.3: a wildcard is a single asterisk label in front of the domain name", row_80_wildcards;
    81 "policy denies the name" => "400 rejectedIdentifier with subproblems",
        "RFC 8555 §6.7: rejectedIdentifier says that the server will not issue for the identifier",
        row_81_policy;
}

async fn ask(probe: &Probe<'_>, identifiers: Value) -> Verdict<Answer> {
    probe.acme.new_order(&probe.fixture.owner, json!({ "identifiers": identifiers })).await
}

async fn row_4_subproblems(probe: &Probe<'_>) -> Verdict {
    let good = probe.acme.new_name("r4");
    let answer =
        ask(probe, json!([identifier(&good), identifier("bad..example"), identifier("-.example")])).await?;
    if !answer.is_refused() {
        return not_applicable("the server takes these names, which row 79 is about");
    }
    let problem = answer.json();
    probe.must("", &answer, problem.get("identifier").is_none(), "no `identifier` at the top level");
    let subproblems = problem["subproblems"].as_array().cloned().unwrap_or_default();
    probe.policy("", &answer, subproblems.len() == 2, "a subproblem for each of the two bad names");
    for subproblem in &subproblems {
        let typed = subproblem["type"].is_string() && subproblem["identifier"]["value"].is_string();
        probe.policy("", &answer, typed, "subproblems with `type` and `identifier`");
        let blamed = subproblem["identifier"]["value"] == good.as_str();
        probe.policy("", &answer, !blamed, "no subproblem for the good name");
    }
    Ok(())
}

async fn row_76_new_order(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let identifiers = json!([identifier(&acme.new_name("r76")), identifier(&acme.new_name("r76"))]);
    let answer = ask(probe, identifiers.clone()).await?;
    probe.status("", &answer, 201);
    probe.must("", &answer, answer.location().is_some_and(|url| url.starts_with("https://")), "Location");
    let order = answer.json();
    let status = order["status"].as_str().unwrap_or("");
    probe.must("", &answer, matches!(status, "pending" | "ready"), "`status` pending or ready");
    let later = times::parse(&order["expires"]).is_some_and(|time| time > times::now());
    probe.must("", &answer, later, "`expires` in the future, as in RFC 3339");
    let sorted = |value: &Value| {
        let mut list: Vec<String> =
            value.as_array().into_iter().flatten().map(|id| id["value"].to_string()).collect();
        list.sort();
        list
    };
    let same = sorted(&order["identifiers"]) == sorted(&identifiers);
    probe.must("", &answer, same, "the identifiers of the request");
    let urls = order["authorizations"].as_array().map_or(0, Vec::len);
    probe.must("", &answer, urls == 2, "an authorization for each identifier");
    let finalize = order["finalize"].as_str().unwrap_or("").starts_with("https://");
    probe.must("", &answer, finalize, "the URL `finalize`");
    probe.must("", &answer, order["certificate"].is_null(), "no certificate yet");

    // A name that is there twice is one name.
    let name = identifier(&acme.new_name("r76"));
    let answer = ask(probe, json!([name, name])).await?;
    let once = answer.json()["identifiers"].as_array().map_or(0, Vec::len) == 1;
    probe.policy("a name twice", &answer, answer.is_refused() || once, "one identifier, or a refusal");

    // Case does not matter in domain names (RFC 4343).
    let name = acme.new_name("r76");
    let answer = ask(probe, json!([identifier(&name.to_ascii_uppercase())])).await?;
    let lower = answer.json()["identifiers"][0]["value"] == name.as_str();
    probe.policy("upper case", &answer, answer.is_refused() || lower, "lower case, or a refusal");
    Ok(())
}

async fn row_77_bad_identifiers(probe: &Probe<'_>) -> Verdict {
    for identifiers in [
        json!([]),
        Value::Null,
        json!("a.example"),
        json!(["a.example"]),
        json!([{ "type": "dns" }]),
        json!([{ "value": "a.example" }]),
        json!([{ "type": "dns", "value": 1 }]),
        json!([{ "type": "dns", "value": "" }]),
        json!({ "type": "dns", "value": "a.example" }),
    ] {
        let answer = ask(probe, identifiers.clone()).await?;
        probe.refusal(&identifiers.to_string(), &answer, 400, "malformed");
    }
    let answer = probe.acme.new_order(&probe.fixture.owner, json!({})).await?;
    probe.refusal("absent", &answer, 400, "malformed");
    Ok(())
}

async fn row_78_unknown_type(probe: &Probe<'_>) -> Verdict {
    for kind in ["email", "conformance-suite", "DNS"] {
        let answer = ask(probe, json!([{ "type": kind, "value": "a@example.com" }])).await?;
        probe.refusal(kind, &answer, 400, "unsupportedIdentifier");
    }
    Ok(())
}

async fn row_79_bad_names(probe: &Probe<'_>) -> Verdict {
    let label = format!("{}.example.com", "a".repeat(64));
    let long = format!("{}example.com", "abcdefgh.".repeat(28));
    let no_names: Vec<&str> = vec![
        "a..example.com",
        ".example.com",
        "a b.example.com",
        "a.example.com:80",
        "user@a.example.com",
        "https://a.example.com",
        "a.example.com/path",
        &label,
        &long,
    ];
    // Good DNS, but no host names (RFC 1123 §2.1, RFC 5890 §2.3.2.1), or names that are not fully qualified.
    let no_host_names = [
        "\u{e4}.example.com",
        "-a.example.com",
        "a-.example.com",
        "xn--zzzzzz99999.example.com",
        "a.example.com.",
    ];
    let no_names = no_names.iter().map(|name| (*name, true));
    for (name, demanded) in no_names.chain(no_host_names.iter().map(|name| (*name, false))) {
        let answer = ask(probe, json!([{ "type": "dns", "value": name }])).await?;
        let refused = match demanded {
            true => probe.refusal(name, &answer, 400, "malformed"),
            false => probe.policy_problem(name, &answer, 400, "malformed"),
        };
        if refused {
            let blamed = answer.json()["subproblems"][0]["identifier"]["value"] == name;
            probe.policy(name, &answer, blamed, "a subproblem with the identifier");
        }
    }
    Ok(())
}

async fn row_80_wildcards(probe: &Probe<'_>) -> Verdict {
    for name in
        ["*", "*.*.example.com", "a.*.example.com", "*a.example.com", "a*.example.com", "**.example.com"]
    {
        let answer = ask(probe, json!([{ "type": "dns", "value": name }])).await?;
        probe.refusal(name, &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_81_policy(probe: &Probe<'_>) -> Verdict {
    let Some(denied) = &probe.options.denied_name else {
        return not_applicable("needs a name that the policy denies (--denied-name)");
    };
    let good = probe.acme.new_name("r81");
    for identifiers in [json!([identifier(denied)]), json!([identifier(&good), identifier(denied)])] {
        let answer = ask(probe, identifiers).await?;
        probe.refusal("", &answer, 400, "rejectedIdentifier");
        let problem = answer.json();
        let subproblems = problem["subproblems"].as_array().cloned().unwrap_or_default();
        let blamed = subproblems.len() == 1 && subproblems[0]["identifier"]["value"] == denied.as_str();
        probe.policy("", &answer, blamed, "a subproblem for the name that is denied, and no other");
    }
    Ok(())
}
