//! A store that discards everything: it reads bodies as fast as they arrive and answers like UploadPart, or like the other operations of a multipart
//! upload.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::head;
use super::losses::{Loss, Losses};
use jettyspeed_devstack::Result;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\nContent-Length: 0\r\n\r\n";

/// As long as an upload id of AWS.
const UPLOAD_ID: &str = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";

/// Starts the sink on a thread of its own and returns its address, `127.0.0.1:port`.
pub fn start() -> Result<String> {
    start_losing(Arc::default())
}

/// The same, losing some attempts.
pub fn start_losing(losses: Arc<Losses>) -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                let losses = Arc::clone(&losses);
                // A connection that ends is not an error of the benchmark.
                tokio::spawn(async move { serve(stream, &losses).await.ok() });
            }
        });
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream, losses: &Losses) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0u8; 256 * 1024];
    let mut filled = 0;
    loop {
        let Some(end) = head::read(&mut stream, &mut buffer, &mut filled).await? else { return Ok(()) };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let Some(length) = length.filter(|_| !head.contains("transfer-encoding")) else {
            stream.write_all(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            return Ok(());
        };
        let operation = Operation::of(&head);
        let loss = if operation == Operation::UploadPart { losses.next() } else { None };
        // With SO_LINGER 0 a close sends a reset.
        if loss == Some(Loss::BeforeBody) {
            return stream.set_zero_linger();
        }
        let mut left = length.saturating_sub(filled - end);
        while left > 0 {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            left = left.saturating_sub(count);
        }
        filled = 0;
        if loss == Some(Loss::AfterBody) {
            return stream.set_zero_linger();
        }
        if loss == Some(Loss::Gateway) {
            stream.write_all(b"HTTP/1.1 520 Unknown Error\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>").await?;
            continue;
        }
        match operation {
            Operation::UploadPart | Operation::Other => stream.write_all(ANSWER).await?,
            Operation::Create => {
                let result = format!("<InitiateMultipartUploadResult><UploadId>{UPLOAD_ID}</UploadId></InitiateMultipartUploadResult>");
                stream.write_all(xml(&result).as_bytes()).await?;
            }
            Operation::Copy => {
                let result = "<CopyPartResult><ETag>\"d41d8cd98f00b204e9800998ecf8427e\"</ETag></CopyPartResult>";
                stream.write_all(xml(result).as_bytes()).await?;
            }
        }
    }
}

/// The S3 operations whose answers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Copy,
    UploadPart,
    Other,
}

impl Operation {
    /// The operation of a request's head in lower case.
    fn of(head: &str) -> Operation {
        let line = head.lines().next().unwrap_or_default();
        match line.split_once(' ') {
            Some(("post", target)) if target.contains("?uploads") => Operation::Create,
            Some(("put", _)) if head.contains("\r\nx-amz-copy-source:") => Operation::Copy,
            Some(("put", target)) if target.contains("partnumber=") => Operation::UploadPart,
            _ => Operation::Other,
        }
    }
}

fn xml(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
