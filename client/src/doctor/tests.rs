//! Examinations of stand-ins.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::stand_in::{StandIn, json_answer};

/// The report on a server that answers nothing but this, to whoever has these options.
async fn examined(status: u16, body: serde_json::Value, options: DoctorOptions) -> Report {
    let server = StandIn::start(move |_, _| {
        let body = body.clone();
        async move { json_answer(status, &body) }
    })
    .await;
    Doctor::new(server.edge(), options).run(|_| {}).await
}

fn status(report: &Report, id: &str) -> Status {
    report.checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no {id}")).status
}

#[test]
fn ids_are_distinct_and_made_for_scripts() {
    let ids = check_ids();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
}

#[tokio::test]
async fn server_that_is_not_the_worker_fails_one_line_and_skips_the_others() {
    let report = examined(200, json!({ "hello": "world" }), DoctorOptions { has_account: true, ..DoctorOptions::default() }).await;
    assert_eq!((status(&report, "reachable"), report.exit_code()), (Status::Failure, 1));
    assert_eq!((report.count(Status::Failure), report.count(Status::Skipped)), (1, LINES.len() - 1));
    assert!(report.checks.iter().filter(|check| check.status != Status::Ok).all(|check| check.remedy.is_some()));
}

#[tokio::test]
async fn unreachable_server_is_a_report_and_not_an_error() {
    let doctor = Doctor::new(Edge::new("http://127.0.0.1:9", "", "").unwrap(), DoctorOptions::default());
    let mut told = Vec::new();
    let report = doctor.run(|check| told.push(check.id)).await;
    assert_eq!((status(&report, "reachable"), report.exit_code()), (Status::Failure, 1));
    assert_eq!(told, check_ids(), "each line is told, in order");
    assert_eq!(report.checks.iter().map(|check| check.id).collect::<Vec<_>>(), check_ids());
}

#[test]
fn every_line_that_lacks_something_says_how_to_give_it() {
    let doctor = |options| Doctor::new(Edge::new("http://127.0.0.1:9", "", "").unwrap(), options);
    let with_nothing = doctor(DoctorOptions::default());
    let skipped: Vec<_> = LINES.iter().filter_map(|line| Some((line, with_nothing.hindrance(line, &[])?))).collect();
    assert_eq!(skipped.len(), LINES.iter().filter(|line| line.needs != Needs::Nothing).count());
    for (line, verdict) in &skipped {
        let names = match line.needs {
            Needs::Account | Needs::Large => "JETTY_API_KEY",
            Needs::Operator => "JETTY_ADMIN_TOKEN",
            Needs::Webhook => "JETTY_WEBHOOK_SECRET",
            Needs::Logs => "wrangler tail",
            Needs::Nothing => unreachable!(),
        };
        assert!(verdict.status == Status::Skipped && verdict.remedy.as_ref().is_some_and(|remedy| remedy.contains(names)), "{}", line.id);
    }
    let with_everything = doctor(DoctorOptions {
        has_account: true,
        admin_token: Some("t".into()),
        webhook_secret: Some("s".into()),
        origin: None,
        large: Some(1),
        logs: Some("f".into()),
    });
    assert!(LINES.iter().all(|line| with_everything.hindrance(line, &[]).is_none()));
    let large = LINES.iter().find(|line| line.needs == Needs::Large).unwrap();
    let without_large = doctor(DoctorOptions { has_account: true, ..DoctorOptions::default() }).hindrance(large, &[]);
    assert!(without_large.is_some_and(|verdict| verdict.remedy.is_some_and(|remedy| remedy.contains("--large"))));
    let refused = Verdict::failure("", "").of(CREDENTIALS, "");
    let after_refusal = LINES.iter().filter(|line| with_everything.hindrance(line, std::slice::from_ref(&refused)).is_some());
    assert!(after_refusal.clone().count() > 8 && after_refusal.clone().all(|line| matches!(line.needs, Needs::Account | Needs::Large)));
    assert!(after_refusal.clone().all(|line| line.id != CREDENTIALS));
}
