//! What is read whole needs memory: who gets it, for how long, and what is refused without it.

mod forms;
mod slow;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::Stack;
use jettyspeed_devstack::state::AccountAccess;

/// A client that sends its body as slowly as a test likes.
pub struct SlowClient(TcpStream);

impl SlowClient {
    /// Connects and sends the head of a request with that body length.
    pub async fn send(stack: &Stack, method: &str, path: &str, length: usize, fields: &[(&str, &str)]) -> SlowClient {
        let address = stack.url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await.unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        connection.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        SlowClient(connection)
    }

    /// The same as an account.
    pub async fn send_as(stack: &Stack, account: &AccountAccess, method: &str, path: &str, length: usize, fields: &[(&str, &str)]) -> SlowClient {
        let bearer = format!("Bearer {}", account.api_key);
        let own = [("Authorization", bearer.as_str()), ("X-API-Secret", account.api_secret.as_str())];
        SlowClient::send(stack, method, path, length, &[&own, fields].concat()).await
    }

    /// Sends bytes of the body. An answer may have closed the connection already.
    pub async fn body(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
        let _ = self.0.flush().await;
    }

    /// Status and body of the answer.
    pub async fn answer(mut self) -> (u16, String) {
        let mut answer = Vec::new();
        let _ = self.0.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, answer)
    }
}
