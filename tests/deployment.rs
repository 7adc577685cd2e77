//! What the build refuses to deploy.

use std::panic::{AssertUnwindSafe, catch_unwind};

use toml::{Table, Value};

#[allow(dead_code)]
#[path = "../build.rs"]
mod build_script;

fn shipped() -> Vec<(String, Table)> {
    build_script::environments()
}

/// The message of the panic, if there is one.
fn refusal(check: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(check)).err()?;
    Some(panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap())
}

/// As its owner sets it up.
fn own(mut environments: Vec<(String, Table)>, routes: &str) -> Vec<(String, Table)> {
    for (name, config) in &mut environments {
        for (kind, field, id) in
            [("d1_databases", "database_id", "5c3f1e00-1f2e-4d3c-8b4a-123456789abc"), ("kv_namespaces", "id", "0f2ac74b498b48028cb68387c421e279")]
        {
            config[kind][0].as_table_mut().unwrap().insert(field.to_owned(), Value::from(id));
        }
        if name == "default" && !routes.is_empty() {
            config.insert("routes".to_owned(), format!("routes = {routes}").parse::<Table>().unwrap()["routes"].clone());
        }
    }
    environments
}

#[test]
fn placeholder_ids_and_missing_routes_are_refused_and_an_own_setup_is_not() {
    let check = |environments: &[(String, Table)]| refusal(|| build_script::check_deployment(environments));
    assert!(check(&shipped()).unwrap().contains("environment 'default': d1_databases has the placeholder '00000000-"));
    for routes in ["", "[]"] {
        assert!(check(&own(shipped(), routes)).unwrap().contains("no route"), "{routes}");
    }
    let routed = own(shipped(), r#"[{ pattern = "edge.example.com", custom_domain = true }]"#);
    assert_eq!(check(&routed), None);
    for (kind, field) in [("d1_databases", "database_id"), ("kv_namespaces", "id")] {
        for index in 0..routed.len() {
            let mut one = routed.clone();
            one[index].1[kind][0].as_table_mut().unwrap().insert(field.to_owned(), Value::from("00000000000000000000000000000001"));
            let name = &routed[index].0;
            assert!(check(&one).unwrap().contains(&format!("environment '{name}': {kind}")), "{name} {kind}");
        }
    }
}

#[test]
fn environments_with_other_vars_or_ids_are_refused() {
    let check = |environments: &[(String, Table)]| refusal(|| build_script::check_environments(environments));
    let shipped = shipped();
    assert_eq!(shipped.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["default", "gateway", "jobs", "requests"]);
    assert_eq!(check(&shipped), None);
    let mut other = shipped.clone();
    other[2].1["vars"].as_table_mut().unwrap().insert("LYVE_BUCKET_NAME".to_owned(), Value::from("another"));
    assert!(check(&other).unwrap().contains("environment 'jobs': vars differ"));
    let mut other = shipped;
    other[3].1["kv_namespaces"][0].as_table_mut().unwrap().insert("id".to_owned(), Value::from("another"));
    assert!(check(&other).unwrap().contains("environment 'requests': kv_namespaces differ"));
}

#[test]
fn requests_have_30_s_of_cpu_time_and_jobs_have_300_s_and_no_route() {
    let of = |name: &str| shipped().into_iter().find(|(known, _)| known == name).unwrap().1;
    let cpu = |config: &Table| config["limits"]["cpu_ms"].as_integer();
    assert_eq!((cpu(&of("default")), cpu(&of("jobs"))), (Some(30_000), Some(300_000)));
    assert!(!of("requests").contains_key("limits"), "inherited");
    assert_eq!(of("jobs")["routes"].as_array().map(Vec::len), Some(0));
    assert_eq!(of("requests")["name"].as_str(), of("default")["name"].as_str(), "the Durable Objects stay with the name");
    let consumers = |config: &Table| config["queues"].get("consumers").and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(["default", "requests", "jobs"].map(|name| consumers(&of(name))), [2, 0, 2]);
    let name = of("default")["name"].as_str().unwrap().to_owned();
    for environment in ["jobs", "gateway"] {
        let objects = of(environment)["durable_objects"]["bindings"].as_array().unwrap().clone();
        assert!(objects.iter().all(|object| object["script_name"].as_str() == Some(&name)), "{environment}: {objects:?}");
    }
}

#[test]
fn gateway_has_no_route_no_queue_no_cron_and_is_placed_by_the_store() {
    let gateway = shipped().into_iter().find(|(known, _)| known == "gateway").unwrap().1;
    assert_eq!(gateway["routes"].as_array().map(Vec::len), Some(0));
    assert!(gateway["queues"].get("consumers").is_none() && gateway["triggers"]["crons"].as_array().unwrap().is_empty());
    let endpoint = format!("https://{}", gateway["placement"]["hostname"].as_str().unwrap());
    assert_eq!(gateway["vars"]["LYVE_ENDPOINT"].as_str(), Some(endpoint.as_str()));
    assert!(!gateway.contains_key("services"), "it uses no gateway itself");
}
