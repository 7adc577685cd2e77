//! Durable Object `LiveFeed`: the connections of those who listen to one account. A message (`POST`) goes to all of them; the answer has a text if there are any.
//! WebSockets hibernate: the object is not in memory while nothing is sent. Nothing is stored.

use std::time::Duration;

use worker::{
    DurableObject, Env, Method, Request, Response, ResponseBody, Result, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    WebSocketRequestResponsePair, durable_object,
};

use crate::base::id::Id;
use crate::clients::ledger;
use crate::live::bounds::{LISTENED_MS, MAX_CONNECTIONS, MAX_MESSAGE, RENEW_MS};
use crate::worker::content::forget::forget;
use crate::worker::objects::{live_sockets, live_streams::LiveStreams};
use crate::worker::platform::io::WorkerIo;
use crate::worker::platform::{alarm, clock, objects, trace};

/// See the module.
#[durable_object]
pub struct LiveFeed {
    state: State,
    io: WorkerIo,
    streams: LiveStreams,
}

impl DurableObject for LiveFeed {
    fn new(state: State, env: Env) -> Self {
        LiveFeed { state, io: WorkerIo::new(env, forget), streams: LiveStreams::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if objects::is_ping(&request) {
            return Ok(objects::pong());
        }
        if request.method() == Method::Post {
            let message = request.text().await?;
            return trace::of_request(&request, "LiveFeed", async { self.send(&message) }).await;
        }
        trace::of_request(&request, "LiveFeed", self.open(request.headers().get("upgrade")?.is_some())).await
    }

    async fn alarm(&self) -> Result<Response> {
        let renewed = async { if self.connections() > 0 { self.tell_ledger().await } else { Ok(()) } };
        alarm::run(renewed).await?;
        Ok(objects::pong())
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        // Clients have nothing to say.
        let is_short = matches!(message, WebSocketIncomingMessage::String(text) if text.len() <= MAX_MESSAGE);
        if is_short { Ok(()) } else { socket.close(Some(1009), Some("too long, or not a text")) }
    }

    async fn websocket_close(&self, socket: WebSocket, _code: usize, _reason: String, _was_clean: bool) -> Result<()> {
        // Already closed, if the runtime has answered.
        socket.close(Some(1000), Some("")).or(Ok(()))
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: worker::Error) -> Result<()> {
        Ok(())
    }
}

impl LiveFeed {
    fn connections(&self) -> usize {
        self.state.get_websockets().len().saturating_add(self.streams.count())
    }

    /// A connection to one who listens.
    async fn open(&self, is_socket: bool) -> Result<Response> {
        if self.connections() >= MAX_CONNECTIONS {
            return Response::error("", 429);
        }
        let answer = if is_socket {
            let pair = WebSocketPair::new()?;
            // Answered without waking the object.
            self.state.set_websocket_auto_response(&WebSocketRequestResponsePair::new("ping", "pong")?);
            self.state.accept_web_socket(&pair.server);
            Response::from_websocket(pair.client)?
        } else {
            Response::from_body(ResponseBody::Stream(self.streams.open()?))?
        };
        self.tell_ledger().await.map(|()| answer)
    }

    fn send(&self, message: &str) -> Result<Response> {
        if message.len() <= MAX_MESSAGE {
            self.state.get_websockets().iter().for_each(|socket| live_sockets::send(socket, message));
            self.streams.send(message);
        }
        if self.connections() > 0 { Response::ok("1") } else { Ok(objects::pong()) }
    }

    /// Says to the ledger that somebody listens, for some minutes, and sets the alarm that says so again.
    async fn tell_ledger(&self) -> Result<()> {
        if let Some(account) = self.state.id().name().as_deref().and_then(Id::parse) {
            // If it does not get it, the uploads ask themselves.
            let _ = ledger::listen(&self.io, account, clock::now().plus(LISTENED_MS)).await;
        }
        alarm::set(&self.state, Duration::from_millis(RENEW_MS)).await
    }
}
