//! What an account is told while it happens: by WebSocket and as a stream of events.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jettyspeed_devstack::root;
use jettyspeed_devstack::state::AccountAccess;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::harness::{Call, Stack, action, random_bytes, stack, unique};

const LONGEST: Duration = Duration::from_secs(30);

/// A stream of events, read as it comes.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(stack: &Stack, account: &AccountAccess) -> Events {
        let response = stack.request(Method::GET, "/api/live", account).header("Accept", "text/event-stream").sent().await.unwrap();
        assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, "text/event-stream"));
        let mut events = Events { response, text: String::new() };
        assert!(events.block().await.starts_with("retry: 5000\n"));
        events
    }

    /// What stands before the next empty line.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return block;
            }
            let chunk = timeout(LONGEST, self.response.chunk()).await.expect("an event in time").unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of that type.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let block = self.block().await;
            if block.lines().any(|line| line == format!("event: {kind}")) {
                assert!(block.starts_with("id: "), "{block}");
                return serde_json::from_str(block.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap();
            }
        }
    }
}

/// Asks for the account's feed, with further header fields.
async fn ask(stream: &mut TcpStream, account: &AccountAccess, fields: &str) {
    let host = stream.peer_addr().unwrap();
    let credentials = format!("Authorization: Bearer {}\r\nX-API-Secret: {}\r\n", account.api_key, account.api_secret);
    stream.write_all(format!("GET /api/live HTTP/1.1\r\nHost: {host}\r\n{fields}{credentials}\r\n").as_bytes()).await.unwrap();
}

/// A WebSocket (RFC 6455), as far as short texts need one.
struct Socket(TcpStream);

impl Socket {
    async fn open(stack: &Stack, account: &AccountAccess) -> Result<Socket, String> {
        Socket::over(TcpStream::connect(stack.url.strip_prefix("http://").unwrap()).await.unwrap(), account).await
    }

    async fn over(mut stream: TcpStream, account: &AccountAccess) -> Result<Socket, String> {
        let key = STANDARD.encode([7; 16]);
        let upgrade = format!("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n");
        ask(&mut stream, account, &upgrade).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(LONGEST, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 101") { Ok(Socket(stream)) } else { Err(head) }
    }

    async fn send(&mut self, text: &str) {
        // Masked with zeros, which leave it as it is.
        let length = u8::try_from(text.len()).unwrap();
        self.0.write_all(&[&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()).await.unwrap();
    }

    /// The next frame: its first byte and what it carries.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let (first, second) = (self.0.read_u8().await.unwrap(), self.0.read_u8().await.unwrap());
        let length = if second == 126 { self.0.read_u16().await.unwrap() } else { second.into() };
        let mut payload = vec![0; length.into()];
        self.0.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    /// The next text.
    async fn text(&mut self) -> String {
        timeout(LONGEST, async {
            loop {
                let (first, payload) = self.frame().await;
                if first == 0x81 {
                    return String::from_utf8(payload).unwrap();
                }
            }
        })
        .await
        .expect("a message in time")
    }

    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let message: Value = serde_json::from_str(&self.text().await).unwrap();
            if message["type"] == kind {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn upload_is_told_to_those_who_listen_to_its_account_and_to_no_other() {
    let stack = stack().await;
    let (account, other) = (stack.account(&unique("heard-")).create().await, stack.account(&unique("unheard-")).create().await);
    let mut socket = Socket::open(stack, &account).await.unwrap();
    let mut events = Events::open(stack, &account).await;
    let mut others = Events::open(stack, &other).await;
    socket.send("ping").await;
    assert_eq!(socket.text().await, "pong");

    let bytes = random_bytes(12_000_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    stack.send_all_parts(&started, &bytes).await;
    let progress = socket.next("upload.progress").await;
    assert_eq!((&progress["upload"]["session"], &progress["upload"]["size"]), (&started["sessionId"], &json!(12_000_000)));
    assert!(progress["upload"]["bytes"].as_u64().unwrap() > 0 && progress["upload"]["parts"].as_u64().unwrap() > 0, "{progress}");
    let (status, done) = stack.track(&account, action("complete", &started)).await;
    assert_eq!(status, 200, "{done}");
    for told in [socket.next("upload.completed").await, events.next("upload.completed").await] {
        assert_eq!((&told["upload"]["asset"], &told["upload"]["bytes"]), (&done["asset"]["id"], &json!(12_000_000)), "{told}");
        assert!(told["upload"].get("fileName").is_none() && told["at"].is_string(), "{told}");
    }
    let failed = stack.session(&account).size(5_000).start().await;
    assert_eq!(stack.track(&account, action("fail", &failed)).await.0, 200);
    assert_eq!(events.next("upload.failed").await["upload"]["session"], failed["sessionId"]);
    // The other's stream has only what is its own.
    let own = stack.asset(&other).bytes("own").store().await;
    let first = others.block().await;
    assert!(first.contains("event: upload.completed") && first.contains(own["id"].as_str().unwrap()), "{first}");
}

#[tokio::test]
async fn live_is_for_accounts_and_operators_who_name_one_and_has_twenty_places() {
    let stack = stack().await;
    let (account, other) = (stack.account(&unique("places-")).create().await, stack.account(&unique("places-")).create().await);
    assert_eq!(stack.anonymous(Method::GET, "/api/live").answer().await.0, 401);
    let (status, body) = stack.get(&account, "/api/live").await;
    assert_eq!((status, &body["field"]), (422, &json!("Accept")));
    let of_other = format!("/api/live?agentcache_user_id={}", other.user_id);
    let stream = |request: reqwest::RequestBuilder| request.header("Accept", "text/event-stream");
    assert_eq!(stream(stack.request(Method::GET, &of_other, &account)).answer().await.0, 404);
    let (status, body) = stream(stack.operator(Method::GET, "/api/live")).answer().await;
    assert_eq!((status, &body["field"]), (422, &json!("agentcache_user_id")));
    assert_eq!(stream(stack.operator(Method::GET, &of_other)).sent().await.unwrap().status(), StatusCode::OK);
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Socket::open(stack, &account).await.unwrap());
    }
    let refused = Socket::open(stack, &account).await.err().unwrap();
    assert!(refused.starts_with("HTTP/1.1 429") && refused.to_lowercase().contains("retry-after: 60"), "{refused}");
}

#[tokio::test]
async fn last_part_within_the_second_of_a_message_is_told_when_that_is_over() {
    let stack = stack().await;
    let account = stack.account(&unique("trailing-")).create().await;
    let mut events = Events::open(stack, &account).await;
    let bytes = random_bytes(12_000_000);
    let started = stack.session(&account).size(bytes.len()).start().await;
    stack.send_all_parts(&started, &bytes).await;
    loop {
        let progress = events.next("upload.progress").await;
        assert_eq!(progress["upload"]["session"], started["sessionId"]);
        if progress["upload"]["bytes"] == json!(bytes.len()) {
            break;
        }
    }
}

#[tokio::test]
async fn stream_without_events_has_a_comment_every_15_seconds() {
    let stack = stack().await;
    let account = stack.account(&unique("quiet-")).create().await;
    let mut events = Events::open(stack, &account).await;
    let opened = Instant::now();
    assert_eq!(events.block().await, ": heartbeat");
    let first = opened.elapsed();
    assert_eq!(events.block().await, ": heartbeat");
    assert!(first > Duration::from_secs(13) && opened.elapsed() > Duration::from_secs(28), "{first:?} {:?}", opened.elapsed());
}

/// A connection for a listener that does not read: with a small window, so that little fits on the way.
async fn narrow(stack: &Stack) -> TcpStream {
    let host = stack.url.strip_prefix("http://").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(host.replace("localhost", "127.0.0.1").parse().unwrap()).await.unwrap()
}

/// Messages of 4 KB that are sent while somebody does not read.
const MESSAGES: u64 = 4_000;

/// Sends them, fewer at once than wait for a listener, to the developer's account, whose `events` get all of them. How long it took.
async fn flood(stack: &Stack, events: &mut Events) -> Duration {
    const AT_ONCE: u64 = 40;
    let (_, row) = stack.operator(Method::GET, &format!("/api/portal/accounts/{}", stack.dev.user_id)).answer().await;
    let begun = Instant::now();
    for from in (0..MESSAGES).step_by(AT_ONCE as usize) {
        let path = format!("/flood?account={}&from={from}&until={}", row["id"].as_str().unwrap(), from + AT_ONCE);
        assert_eq!(stack.anonymous(Method::GET, &path).sent().await.unwrap().status(), StatusCode::OK);
        for number in from..from + AT_ONCE {
            assert_eq!(events.next("flood").await["number"], number);
        }
    }
    begun.elapsed()
}

#[tokio::test]
async fn listener_that_does_not_read_is_dropped_and_another_one_misses_nothing() {
    let stack = &Stack::start_with_entry(&root().join("tests/e2e/notices/flood.mjs")).await;
    let mut events = Events::open(stack, &stack.dev).await;
    let alone = flood(stack, &mut events).await;
    let mut slow = narrow(stack).await;
    ask(&mut slow, &stack.dev, "Accept: text/event-stream\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let beside = flood(stack, &mut events).await;
    println!("{MESSAGES} messages of 4 KB: {alone:?} to one listener, {beside:?} beside one that does not read");
    // What was on its way when it was dropped, and then the end.
    let mut taken = Vec::new();
    let ended = timeout(LONGEST, slow.read_to_end(&mut taken)).await.expect("the end of its stream");
    assert!((taken.len() as u64) < MESSAGES * 4_000, "{ended:?} {}", taken.len());
    let taken = String::from_utf8_lossy(&taken);
    assert!(taken.contains("\"number\":0,") && !taken.contains(&format!("\"number\":{},", MESSAGES - 1)), "it missed what came after it was dropped");
}

#[tokio::test]
async fn websocket_that_does_not_read_is_closed_with_1013_and_one_that_reads_misses_nothing() {
    let stack = &Stack::start_with_entry(&root().join("tests/e2e/notices/flood.mjs")).await;
    let mut events = Events::open(stack, &stack.dev).await;
    let mut reading = Socket::open(stack, &stack.dev).await.unwrap();
    let mut slow = Socket::over(narrow(stack).await, &stack.dev).await.unwrap();
    let all_read = async {
        for number in 0..MESSAGES {
            assert_eq!(reading.next("flood").await["number"], number);
        }
    };
    tokio::join!(flood(stack, &mut events), all_read);
    // What was on its way when it was closed, and then why.
    let mut taken = 0;
    let closed = loop {
        let (first, payload) = timeout(LONGEST, slow.frame()).await.expect("the end of what it is sent");
        if first == 0x88 {
            break payload;
        }
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap()["number"], taken, "none is left out before the end");
        taken += 1;
    };
    println!("{taken} of {MESSAGES} messages reached the one that did not read");
    assert_eq!((u16::from_be_bytes([closed[0], closed[1]]), &closed[2..]), (1_013, b"behind".as_slice()));
    assert!(taken > 0 && taken < MESSAGES, "{taken}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn part_takes_no_longer_with_a_listener() {
    const PARTS: usize = 24;
    let stack = &Stack::start(&[]).await;
    let bytes = random_bytes(PARTS * 5 * 1024 * 1024);
    let (heard, unheard) = (stack.account(&unique("heard-")).create().await, stack.account(&unique("unheard-")).create().await);
    let mut events = Events::open(stack, &heard).await;
    let listening = async { while events.next("upload.progress").await["upload"]["bytes"] != json!(bytes.len()) {} };
    let start = async |account: &AccountAccess| {
        let body = json!({ "action": "start", "fileName": "f", "fileSize": bytes.len(), "chunkSize": 5 * 1024 * 1024 });
        let (status, started) = stack.track(account, body).await;
        assert_eq!(status, 201, "{started}");
        started
    };
    let sending = async {
        let sessions = [start(&heard).await, start(&unheard).await];
        let mut times = [Vec::new(), Vec::new()];
        for (index, piece) in bytes.chunks(5 * 1024 * 1024).enumerate() {
            // In turns, each first as often as the other.
            for which in [index % 2, (index + 1) % 2] {
                let part = stack.chunk(&sessions[which], u32::try_from(index).unwrap() + 1, piece);
                let begun = Instant::now();
                assert_eq!(part.answer().await.0, 200);
                times[which].push(begun.elapsed());
            }
        }
        times.map(median)
    };
    let ([with, without], ()) = tokio::join!(sending, listening);
    println!("median of {PARTS} parts of 5 MiB: {with:?} with a listener, {without:?} without");
    assert!(with < without.mul_f64(1.5) + Duration::from_millis(20), "{with:?} {without:?}");
}
