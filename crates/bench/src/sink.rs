//! A store that discards everything: it reads bodies as fast as they arrive and answers like UploadPart, or like the other operations of a multipart
//! upload. Of objects that nobody uploaded it has as many bytes as their key says ([`objects`]).

pub mod objects;
pub mod uploads;

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::head;
use super::losses::{Loss, Losses};
use jettyspeed_devstack::Result;
use uploads::Uploads;

/// The ETag of everything, without quotes.
const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\nContent-Length: 0\r\n\r\n";

/// As long as an upload id of AWS.
const UPLOAD_ID: &str = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";

/// What a sink does beside discarding.
#[derive(Clone, Default)]
pub struct Manner {
    /// Attempts that are lost.
    pub losses: Arc<Losses>,
    /// Whether those of any operation may be; otherwise of UploadPart only.
    pub of_all: bool,
    /// The uploads.
    pub uploads: Arc<Uploads>,
}

/// Starts the sink on a thread of its own and returns its address, `127.0.0.1:port`.
pub fn start() -> Result<String> {
    start_as(Manner::default())
}

/// The same, losing some attempts.
pub fn start_losing(losses: Arc<Losses>) -> Result<String> {
    start_as(Manner { losses, ..Manner::default() })
}

/// The same, in that manner.
pub fn start_as(manner: Manner) -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                let manner = manner.clone();
                // A connection that ends is not an error of the benchmark.
                tokio::spawn(async move { serve(stream, &manner).await.ok() });
            }
        });
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream, manner: &Manner) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0u8; 256 * 1024];
    let mut filled = 0;
    loop {
        let Some(end) = head::read(&mut stream, &mut buffer, &mut filled).await? else { return Ok(()) };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let operation = Operation::of(&head);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let length = length.or_else(|| operation.has_no_body().then_some(0));
        let Some(length) = length.filter(|_| !head.contains("transfer-encoding")) else {
            stream.write_all(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            return Ok(());
        };
        let loss = if manner.of_all || operation == Operation::UploadPart { manner.losses.next() } else { None };
        // With SO_LINGER 0 a close sends a reset.
        if loss == Some(Loss::BeforeBody) {
            return stream.set_zero_linger();
        }
        let mut document = if operation == Operation::Complete { buffer[end..filled].to_vec() } else { Vec::new() };
        let mut left = length.saturating_sub(filled - end);
        while left > 0 {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            left = left.saturating_sub(count);
            if operation == Operation::Complete {
                document.extend_from_slice(&buffer[..count]);
            }
        }
        filled = 0;
        if loss == Some(Loss::AfterBody) {
            return stream.set_zero_linger();
        }
        if loss == Some(Loss::Gateway) {
            stream.write_all(b"HTTP/1.1 520 Unknown Error\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>").await?;
            continue;
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        match operation {
            Operation::UploadPart => {
                manner.uploads.store(target, length as u64);
                stream.write_all(ANSWER).await?;
            }
            Operation::Other => stream.write_all(ANSWER).await?,
            Operation::Create => {
                let result = format!("<InitiateMultipartUploadResult><UploadId>{UPLOAD_ID}</UploadId></InitiateMultipartUploadResult>");
                stream.write_all(xml(&result).as_bytes()).await?;
            }
            Operation::Copy => {
                let result = format!("<CopyPartResult><ETag>\"{ETAG}\"</ETag></CopyPartResult>");
                stream.write_all(xml(&result).as_bytes()).await?;
            }
            Operation::List => stream.write_all(xml(&manner.uploads.listing(target)).as_bytes()).await?,
            Operation::Complete if manner.uploads.complete(target, &document) => {
                let result = format!("<CompleteMultipartUploadResult><ETag>\"{ETAG}\"</ETag></CompleteMultipartUploadResult>");
                stream.write_all(xml(&result).as_bytes()).await?;
            }
            Operation::Complete => {
                let error = "<Error><Code>InvalidPart</Code><Message>Not these parts.</Message></Error>";
                stream.write_all(xml(error).replacen("200 OK", "400 Bad Request", 1).as_bytes()).await?;
            }
            Operation::Read => {
                let object = objects::Asked::of(&head, manner.uploads.size(target));
                object.answer(&mut stream).await?;
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
    List,
    Complete,
    Read,
    Other,
}

impl Operation {
    /// The operation of a request's head in lower case.
    fn of(head: &str) -> Operation {
        let line = head.lines().next().unwrap_or_default();
        match line.split_once(' ') {
            Some(("post", target)) if target.contains("?uploads") => Operation::Create,
            Some(("post", target)) if target.contains("uploadid=") => Operation::Complete,
            Some(("get", target)) if target.contains("uploadid=") => Operation::List,
            Some(("get" | "head", _)) => Operation::Read,
            Some(("put", _)) if head.contains("\r\nx-amz-copy-source:") => Operation::Copy,
            Some(("put", target)) if target.contains("partnumber=") => Operation::UploadPart,
            _ => Operation::Other,
        }
    }

    fn has_no_body(self) -> bool {
        matches!(self, Operation::List | Operation::Read)
    }
}

fn xml(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_tell_operations() {
        let of = |line: &str| Operation::of(&format!("{line} http/1.1\r\nhost: x\r\n\r\n"));
        assert_eq!(of("post /b/k?uploads="), Operation::Create);
        assert_eq!(of("post /b/k?uploadid=u"), Operation::Complete);
        assert_eq!(of("get /b/k?max-parts=1000&uploadid=u"), Operation::List);
        assert_eq!(of("put /b/k?partnumber=1&uploadid=u"), Operation::UploadPart);
        assert_eq!((of("get /b/k"), of("head /b/k"), of("delete /b/k")), (Operation::Read, Operation::Read, Operation::Other));
    }
}
