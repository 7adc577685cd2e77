//! The WebSockets of a feed: each gets a message unless its client is too far behind.

use worker::WebSocket;

use crate::live::bounds::is_behind;

/// RFC 6455, section 7.4.1, and the IANA registry of close codes: try again later.
const TRY_AGAIN_LATER: u16 = 1_013;

/// Sends a message, or closes the connection of a client that has not taken too much.
pub fn send(socket: &WebSocket, message: &str) {
    // 0 in a runtime that does not tell (https://github.com/cloudflare/workerd/issues/988).
    let waiting = AsRef::<web_sys::WebSocket>::as_ref(socket).buffered_amount();
    // A socket that fails is closed by the runtime; one that is closed already takes no more.
    let _ = if is_behind(waiting, message) { socket.close(Some(TRY_AGAIN_LATER), Some("behind")) } else { socket.send_with_str(message) };
}
