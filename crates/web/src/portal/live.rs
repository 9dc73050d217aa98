//! Progress as it happens: a stream of events (SSE) of which each says how far the batch is. Where a proxy breaks it, the page asks
//! now and then instead.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{ConnectInfo, Path, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use store::BatchStatus;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    Portal,
    result::{Progress, find_states},
};
use crate::{clients::Place, fault::Fault, listen::Peer, people::Visitor};

/// `GET /b/{token}/events`
///
/// The stream ends when everything is finished, and after [`LONGEST`] in any case, so that a gateway that stops need not wait for
/// it; the browser asks again by itself.
pub(crate) async fn events(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    let own = match peer {
        Some(Extension(ConnectInfo(Peer(peer)))) => {
            Some(portal.watchers.enter(peer.ip(), STREAMS_OF_ONE).ok_or(Fault::TooMany)?)
        }
        None => None,
    };
    let place = portal.streams.clone().try_acquire_owned().map_err(|_| Fault::Busy)?;
    // Whoever may not see the batch learns it now, not from an empty stream.
    find_states(&portal, visitor.as_ref(), &token).await?;
    let until = Instant::now() + LONGEST;
    let watch = Watch { portal, visitor, token, last: None, ended: false, until, _places: (place, own) };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

struct Watch {
    portal: Portal,
    visitor: Option<Visitor>,
    token: String,
    last: Option<String>,
    ended: bool,
    until: Instant,
    _places: (OwnedSemaphorePermit, Option<Place>),
}

impl Watch {
    /// The next change; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.ended || Instant::now() >= self.until {
                return None;
            }
            if self.last.is_some() {
                tokio::time::sleep(EVERY).await;
            }
            let batch = find_states(&self.portal, self.visitor.as_ref(), &self.token).await.ok()?;
            let progress = progress(&self.portal, &batch).await.ok()?;
            self.ended = !progress.pending;
            let text = serde_json::to_string(&progress).ok()?;
            if self.last.as_ref() != Some(&text) {
                self.last = Some(text.clone());
                return Some(Event::default().event("progress").retry(AGAIN).data(text));
            }
        }
    }
}

/// How far a batch is, with the place in the queue of its first waiting file.
pub(crate) async fn progress(portal: &Portal, batch: &BatchStatus) -> Result<Progress, Fault> {
    let waiting = batch.files.iter().find(|file| file.verdict.is_none());
    let ahead = match waiting {
        Some(file) => portal.state.store.ahead_of(file.message).await?,
        None => None,
    };
    Ok(Progress::of(batch, ahead, &portal.state.conversions))
}

/// Streams at a time; further pages ask now and then instead.
pub(crate) const STREAMS: usize = 256;
/// Of them, streams of one client address.
const STREAMS_OF_ONE: usize = 32;
/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(500);
/// Between two signs of life.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest stream.
const LONGEST: Duration = Duration::from_secs(20);
/// How soon the browser asks again.
const AGAIN: Duration = Duration::from_secs(1);
