//! A store that takes everything and keeps nothing: it reads bodies as fast as they come and answers like UploadPart.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\nContent-Length: 0\r\n\r\n";

/// Starts the sink on a thread of its own and returns its address, `127.0.0.1:port`.
pub fn start() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that ends is the other side's business.
                tokio::spawn(async move { serve(stream).await.ok() });
            }
        });
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0u8; 256 * 1024];
    let mut filled = 0;
    loop {
        let end = loop {
            if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let count = stream.read(&mut buffer[filled..]).await?;
            if count == 0 {
                return Ok(());
            }
            filled += count;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let Some(length) = length.filter(|_| !head.contains("transfer-encoding")) else {
            stream.write_all(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            return Ok(());
        };
        let mut left = length.saturating_sub(filled - end);
        while left > 0 {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            left = left.saturating_sub(count);
        }
        filled = 0;
        stream.write_all(ANSWER).await?;
    }
}
