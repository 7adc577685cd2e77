//! The store: whether it answers a signed request, how far its clock is from ours, and whether it stores, reads and deletes an object.

use std::rc::Rc;

use super::{LIMIT_MS, code, tried};
use crate::base::time::EpochMs;
use crate::clients::store;
use crate::config::Config;
use crate::health::clock_skew::clock_skew_ms;
use crate::health::part::Tried;
use crate::io::answer::Answer;
use crate::io::body::Body;
use crate::s3::operations::list_multipart_uploads;
use crate::services::store_probe;
use crate::worker::platform::clock;
use crate::worker::platform::io::WorkerIo;

/// Whether it answers, and its clock skew, if it tells the time.
pub async fn answers(io: &WorkerIo, config: &Config) -> (Tried, Option<i64>) {
    let listed = async {
        let sent = clock::now();
        let action = list_multipart_uploads::list_multipart_uploads("users/", None);
        let answer = store::send_within(io, config, &action, Body::Empty, LIMIT_MS).await;
        let answer = answer.map_err(|error| code(&store::problem("ListMultipartUploads", &error)))?;
        let date = answer.header("date").and_then(|text| EpochMs::parse_http_date(&text));
        answer.discard();
        Ok(date.map(|date| clock_skew_ms(date, sent, clock::now())))
    };
    let (part, skew) = tried("store", listed).await;
    (part, skew.flatten())
}

/// Whether it stores, reads and deletes an object.
pub async fn keeps(io: &WorkerIo, config: &Rc<Config>) -> Vec<Tried> {
    store_probe::run(io, config, LIMIT_MS).await.map(Vec::from).unwrap_or_default()
}
