//! Malformed bodies.

use super::{Subject, World, assert_none, leaves, verdict, with_value};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::harness::Call;
use jettyspeed_edge::access::routes::Endpoint;

const DEEP: usize = 10_000;

const KIB: usize = 1024;

#[tokio::test]
async fn invalid_json_returns_400_and_non_object_422() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let good = subject.good.to_string();
        let broken = [
            "",
            " ",
            "{",
            "}",
            "nul",
            "{'a':1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "<a/>",
            "a=b",
            "\0\0\0\0",
            &format!("{good}x"),
            &good[..good.len() - 1],
        ]
        .map(str::to_owned);
        for body in broken {
            complaints.extend(world.complaint(&subject, body.clone(), 400..=400, &body).await);
        }
        for body in ["1", "\"x\"", "null", "true"] {
            complaints.extend(world.complaint(&subject, body, 422..=422, body).await);
        }
    }
    world.is_alive().await;
    assert_none(&complaints);
}

/// JSON is UTF-8 (RFC 8259 section 8.1), also in fields that are ignored.
#[tokio::test]
async fn invalid_utf8_returns_400() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        for bytes in [b"\xff".as_slice(), b"\xc3", b"\xed\xa0\x80"] {
            let good = subject.good.to_string();
            let body = [b"{\"unknown\":\"", bytes, b"\",", &good.as_bytes()[1..]].concat();
            complaints.extend(world.complaint(&subject, body, 400..=400, &format!("{bytes:?}")).await);
        }
    }
    world.is_alive().await;
    assert_none(&complaints);
}

/// serde reads a struct from a list of its values unless it is told not to.
#[tokio::test]
async fn array_instead_of_object_returns_422() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let values: Vec<_> = subject.good.as_object().unwrap().values().cloned().collect();
        // In both orders of the fields.
        let mut bodies = vec![Value::from(values.clone()), Value::from(values.iter().rev().cloned().collect::<Vec<_>>())];
        bodies.extend([0, 1, values.len()].map(|length| json!(vec![Value::Null; length])));
        bodies.push(json!(["x"]));
        match subject.route.endpoint {
            Endpoint::Suspend | Endpoint::Resume => bodies.push(json!(["hygiene-absent"])),
            Endpoint::Rotate => bodies.push(json!(["hygiene-absent", 5])),
            Endpoint::Upgrade => bodies.push(json!(["hygiene-absent", "pro", true])),
            Endpoint::Provision => bodies.push(json!(["hygiene-absent", "a@b.c", "absent"])),
            Endpoint::OptimalEdges => bodies.push(json!([null, 5, null, null, "speed", null, null])),
            Endpoint::TrackUpload => bodies.push(json!(["fail", "absent"])),
            _ => {}
        }
        for body in bodies {
            complaints.extend(world.complaint(&subject, body.to_string(), 422..=422, &body.to_string()).await);
        }
    }
    world.is_alive().await;
    assert_none(&complaints);
}

/// `null` instead of each field, beside the same body without it: the same answer, and a 422 names the field.
#[tokio::test]
async fn null_answers_as_an_absent_field_and_422_names_it() {
    let world = World::new().await;
    let (mut complaints, mut compared, mut required) = (Vec::new(), 0, 0);
    // What the body names may exist by the second time.
    let ask = async |subject: &Subject, body: &Value| {
        let request = world.request(subject.route, &subject.path).json(body);
        let (status, answer) = request.answer().await;
        if answer["code"] == "already-exists" {
            return (201, Value::Null, None);
        }
        (status, answer["code"].clone(), answer["field"].as_str().map(str::to_owned))
    };
    for subject in world.subjects() {
        for leaf in leaves(&subject.good, "") {
            let (parent, name) = leaf.rsplit_once('/').unwrap();
            let mut absent = subject.good.clone();
            // Items of lists have no absence.
            let Some(fields) = absent.pointer_mut(parent).and_then(Value::as_object_mut) else { continue };
            fields.remove(name);
            let (without, with_null) = (ask(&subject, &absent).await, ask(&subject, &with_value(&subject.good, &leaf, Value::Null)).await);
            compared += 1;
            required += u32::from(without.0 == 422);
            // A required field is named as the client wrote it, which may be its alias.
            let names_it = with_null.2 == without.2 || with_null.2.as_ref().is_some_and(|field| field.rsplit('.').next() == Some(name));
            let same = (without.0, &without.1) == (with_null.0, &with_null.1) || (without.0 < 300 && with_null.0 < 300);
            if !same || !names_it {
                complaints.push(format!("{} {} {leaf}: {without:?} without it, {with_null:?} with null", subject.route.method, subject.path));
            }
        }
    }
    assert!(compared > 60 && required > 10, "{compared} {required}");
    assert_none(&complaints);
}

#[tokio::test]
async fn wrong_type_or_huge_number_returns_422() {
    let world = World::new().await;
    let (mut complaints, mut sent) = (Vec::new(), 0);
    for subject in world.subjects() {
        for leaf in leaves(&subject.good, "") {
            let old = subject.good.pointer(&leaf).unwrap();
            let wrong = match old {
                Value::String(_) => vec![json!(7), json!(true), json!(["x"]), json!({})],
                Value::Number(_) => vec![json!("7"), json!(true), json!([7]), json!({})],
                Value::Bool(_) => vec![json!("true"), json!(1), json!([true])],
                other => panic!("{other}"),
            };
            for value in wrong {
                complaints.extend(
                    world
                        .complaint(&subject, with_value(&subject.good, &leaf, value.clone()).to_string(), 422..=422, &format!("{leaf} = {value}"))
                        .await,
                );
                sent += 1;
            }
            if !old.is_number() {
                continue;
            }
            // serde_json does not write numbers so large.
            for number in ["1e300", "-1e300", "99999999999999999999999", "-99999999999999999999999", "18446744073709551615", "1e400"] {
                let text = with_value(&subject.good, &leaf, json!("HUGE")).to_string().replace("\"HUGE\"", number);
                // 400: no parser holds the number. 404: `chunkSize` is not limited, and the namespace is absent.
                let statuses = if number == "1e400" {
                    400..=422
                } else if leaf == "/chunkSize" {
                    404..=422
                } else {
                    422..=422
                };
                complaints.extend(world.complaint(&subject, text, statuses, &format!("{leaf} = {number}")).await);
                sent += 1;
            }
        }
    }
    assert!(sent > 300, "{sent}");
    world.is_alive().await;
    assert_none(&complaints);
}

#[tokio::test]
async fn nul_or_oversized_text_returns_4xx() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        for leaf in leaves(&subject.good, "").into_iter().filter(|leaf| subject.good.pointer(leaf).unwrap().is_string()) {
            for text in ["a\u{0}b".to_owned(), "\u{0}".to_owned(), "x".repeat(5_000), "é".repeat(100_000)] {
                let what = format!("{leaf} = {:?}…", text.chars().take(4).collect::<String>());
                complaints.extend(world.complaint(&subject, with_value(&subject.good, &leaf, json!(text)).to_string(), 400..=499, &what).await);
            }
        }
    }
    world.is_alive().await;
    assert_none(&complaints);
}

#[tokio::test]
async fn duplicate_json_key_returns_4xx() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let fields = subject.good.as_object().unwrap();
        for (name, value) in fields {
            let body = subject.good.to_string();
            let twice = format!("{{\"{name}\":{value},{}", &body[1..]);
            complaints.extend(world.complaint(&subject, twice, 400..=422, &format!("{name} twice")).await);
        }
    }
    let both = json!({ "agentcache_user_id": "hygiene-one", "user_id": "hygiene-two", "email": "a@b.c", "tier": "pro" });
    let aliases = world.stack.backend(Method::POST, "/api/agentcache/provision").json(&both);
    complaints.extend(verdict(aliases, 422..=422).await);
    world.is_alive().await;
    assert_none(&complaints);
}

#[tokio::test]
async fn too_deep_too_long_or_chunked_body_returns_4xx() {
    let world = World::new().await;
    let mut complaints = Vec::new();
    for subject in world.subjects() {
        let first = subject.good.as_object().unwrap().keys().next().unwrap().clone();
        let nested = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
        let objects = format!("{}1{}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP));
        for (body, what) in [
            ("[".repeat(DEEP), "open brackets"),
            ("{\"a\":".repeat(DEEP), "open braces"),
            (nested.clone(), "brackets"),
            (format!("{{\"{first}\":{nested}}}"), "brackets in a field"),
            (format!("{{\"{first}\":{objects}}}"), "objects in a field"),
            (format!("{{\"unknown\":{}", "[".repeat(DEEP)), "open brackets in an unknown field"),
        ] {
            complaints.extend(world.complaint(&subject, body, 400..=422, what).await);
        }
        let is_large = matches!(subject.route.endpoint, Endpoint::TrackUpload | Endpoint::SetResponse | Endpoint::GetResponse);
        let limit = if is_large { 2 * KIB * KIB } else { 256 * KIB };
        let padded = |length: usize| {
            let body = subject.good.to_string();
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        complaints.extend(world.complaint(&subject, padded(limit + 1), 413..=413, "one byte too many").await);
        // Exactly as long as allowed: read, then refused because it is no JSON.
        complaints.extend(world.complaint(&subject, "x".repeat(limit), 400..=400, "the longest body").await);
        let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(subject.good.to_string())]);
        complaints.extend(world.complaint(&subject, Body::wrap_stream(stream), 411..=411, "chunked").await);
    }
    world.is_alive().await;
    assert_none(&complaints);
}
